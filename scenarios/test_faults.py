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
    on_each,
)
from hibtest.spec.fault import Moment
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

KERNEL = KernelMethod()
NO_IMAGE = Expected(outcome=Outcome.COLD_BOOT, cause="not-armed")
REFUSED = Expected(outcome=Outcome.COLD_BOOT, cause="image-refused")


def _cut(what: str, when: Moment, by: Method = KERNEL) -> Scenario:
    return Scenario(
        name=f"power-cut-KERNEL-{what}",
        guest=GuestSpec(kernel="trixie", vcpus=1),
        method=by,
        faults=(Fault(when=when, what=CutPower()),),
        expected=NO_IMAGE,
        tags=("power-cut",),
    )


def _refused(scenario: Scenario) -> Scenario:
    return replace(scenario, expected=REFUSED)


HALF = AtPercent(percent=40)
SIGNATURE = AtWrite(serial="swap")
MAP = AtWrite(serial="swap", done=True)  # the map's last page, which is written after it
LOADING = AtPercent(stage=Stage.LOAD, percent=50)

ASKED = (
    _cut("write", HALF),
    _cut("agent-write", HALF, AgentMethod()),
    _cut("signature", SIGNATURE),
    _cut("agent-signature", SIGNATURE, AgentMethod()),
    _refused(_cut("last-map-page", MAP)),
    # the kernel has taken the signature away before it looks at anything else (swsusp_check())
    _cut("load", LOADING),
)
USUAL = {"power-cut-trixie-write", "power-cut-bookworm-last-map-page"}
SCENARIOS = on_each(("bookworm", "trixie", "backports"), ASKED, usual=USUAL)


def test_faults(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
