"""What comes of a hibernation when something outside the kernel goes wrong, at a moment of it?

A power cut leaves an image that the kernel has signed, and it is resumed from, or one that it has
not, and the guest starts afresh: never anything in between.
"""

from dataclasses import replace

import pytest

from hibtest.spec import (
    AgentMethod,
    AtPercent,
    AtStage,
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

NO_IMAGE = Expected(outcome=Outcome.COLD_BOOT, cause="not-armed")
REFUSED = Expected(outcome=Outcome.COLD_BOOT, cause="image-refused")


def _cut(kernel: str, what: str, when: Moment, method: Method | None = None) -> Scenario:
    return Scenario(
        name=f"power-cut-KERNEL-{what}",
        guest=GuestSpec(kernel=kernel, vcpus=1),
        method=method or KernelMethod(),
        faults=(Fault(when=when, what=CutPower()),),
        expected=NO_IMAGE,
        tags=("power-cut",),
    )


HALF = AtPercent(percent=40)
SIGNATURE = AtWrite(serial="swap")
MAP = AtWrite(serial="swap", done=True)  # the map's last page, which is written after it
SIGNED = AtStage(stage=Stage.POWER_OFF)
LOADING = AtPercent(stage=Stage.LOAD, percent=50)

SCENARIOS = (
    _cut("trixie", "write", HALF),
    _cut("bookworm", "signature", SIGNATURE),
    replace(_cut("trixie", "last-map-page", MAP), expected=REFUSED),
    replace(_cut("backports", "signed", SIGNED), expected=Expected()),
    _cut("trixie", "load", LOADING),
    _cut("bookworm", "agent-write", HALF, AgentMethod()),
)


def test_faults(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
