"""A fault that never struck: what becomes of the finding."""

from dataclasses import replace

import pytest

from hibtest.evidence import Boot, Evidence, Strike
from hibtest.spec import (
    Always,
    AtStage,
    CutPower,
    Expected,
    FailIo,
    Fault,
    GuestSpec,
    Outcome,
    Role,
    Scenario,
    Stage,
)
from hibtest.verdict.faults import struck
from hibtest.verdict.finding import Finding

CUT = Fault(when=AtStage(stage=Stage.WRITE), what=CutPower())
FAIL = Fault(when=Always(), what=FailIo(serial="swap", at_mib=1))
ASKED = Scenario(name="one", guest=GuestSpec(kernel="trixie"), faults=(CUT,))
SAVE = Boot(role=Role.SAVE, directory="save")
SEEN = Evidence(scenario="one", boots=(SAVE,))


def found(outcome: Outcome, cause: str = "") -> Finding:
    return Finding(outcome=outcome, cause=cause, reason="so it was")


def boot(*faults: Fault) -> Boot:
    return replace(SAVE, struck=tuple(Strike(fault=f, t=1.0, stage=Stage.WRITE) for f in faults))


@pytest.mark.parametrize("outcome", [Outcome.RESUMED, Outcome.COLD_BOOT, Outcome.REFUSED])
def test_what_came_without_it_says_nothing(outcome: Outcome) -> None:
    told = struck(found(outcome), replace(ASKED, expected=Expected(outcome=outcome)), SEEN)
    assert (told.outcome, told.cause) == (Outcome.INVALID, "no-strike")
    assert (
        told.reason == f"the fault never struck: {CUT.words}; the run came to {outcome}: so it was"
    )


def test_all_of_them_must_have_struck() -> None:
    both = replace(ASKED, faults=(CUT, FAIL))
    finding = found(Outcome.COLD_BOOT, "not-armed")
    assert struck(finding, both, replace(SEEN, boots=(boot(CUT), boot(FAIL)))) is finding
    assert FAIL.words in struck(finding, both, replace(SEEN, boots=(boot(CUT),))).reason


@pytest.mark.parametrize(
    ("cause", "expected"), [("witness-eventfd", "no-strike"), ("kernel-log", "kernel-log")]
)
def test_damage_that_is_not_what_was_expected_is_told(cause: str, expected: str) -> None:
    wanted = Expected(outcome=Outcome.CORRUPT, cause="witness-eventfd")
    told = struck(found(Outcome.CORRUPT, cause), replace(ASKED, expected=wanted), SEEN)
    assert told.cause == expected


@pytest.mark.parametrize(
    ("cause", "told"), [("qemu-died", "qemu-died"), ("unfinished", "no-strike")]
)
def test_trouble_is_told_unless_the_run_ended_for_want_of_it(cause: str, told: str) -> None:
    assert struck(found(Outcome.INVALID, cause), ASKED, SEEN).cause == told


def test_evidence_that_tells_of_no_strikes_is_believed() -> None:
    finding = found(Outcome.COLD_BOOT, "not-armed")
    assert struck(finding, ASKED, replace(SEEN, version=1)) is finding
