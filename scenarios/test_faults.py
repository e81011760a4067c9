"""What comes of a hibernation when something outside the kernel goes wrong, at a moment of it?

A power cut leaves no image, and the guest starts afresh; but the kernel signs an image before the
last page of its map is written, and cut between these two it leaves one that it refuses.
"""

from dataclasses import replace

import pytest

from hibtest.spec import (
    AgentMethod,
    AtPercent,
    AtWrite,
    CutPower,
    Expected,
    Fault,
    GuestSpec,
    KernelMethod,
    Method,
    Outcome,
    Scenario,
    Stage,
)
from hibtest.spec.fault import Moment
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

KERNEL = KernelMethod()
NO_IMAGE = Expected(outcome=Outcome.COLD_BOOT, cause="not-armed")
REFUSED = Expected(outcome=Outcome.COLD_BOOT, cause="image-refused")


def _cut(kernel: str, what: str, when: Moment, *tags: str, by: Method = KERNEL) -> Scenario:
    return Scenario(
        name=f"power-cut-KERNEL-{what}",
        guest=GuestSpec(kernel=kernel, vcpus=1),
        method=by,
        faults=(Fault(when=when, what=CutPower()),),
        expected=NO_IMAGE,
        tags=("power-cut", *tags),
    )


def _refused(scenario: Scenario) -> Scenario:
    return replace(scenario, expected=REFUSED)


HALF = AtPercent(percent=40)
SIGNATURE = AtWrite(serial="swap")
MAP = AtWrite(serial="swap", done=True)  # the map's last page, which is written after it
LOADING = AtPercent(stage=Stage.LOAD, percent=50)

SCENARIOS = (
    _cut("bookworm", "write", HALF, "wide"),
    _cut("trixie", "write", HALF),
    _cut("backports", "write", HALF, "wide"),
    _cut("trixie", "agent-write", HALF, "wide", by=AgentMethod()),
    _cut("bookworm", "signature", SIGNATURE, "wide"),
    _cut("trixie", "agent-signature", SIGNATURE, "wide", by=AgentMethod()),
    _refused(_cut("bookworm", "last-map-page", MAP)),
    _refused(_cut("trixie", "last-map-page", MAP, "wide")),
    _refused(_cut("backports", "last-map-page", MAP, "wide")),
    # the kernel has taken the signature away before it looks at anything else (swsusp_check())
    _cut("trixie", "load", LOADING, "wide"),
)


def test_faults(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
