"""A run ends where a life has shown damage, unless something else is expected of it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hibtest.evidence import Evidence
from hibtest.job import Job
from hibtest.runner import run
from hibtest.spec import AtStage, CutPower, Do, Expected, Fault, Outcome, Scenario, Stage
from hibtest.verdict import Verdict, judge
from tests.cycle.jobs import ONE
from tests.cycle.pretend import Machine, Play, Scene
from tests.cycle.scenes import resumes, saves, starts

Runs = Callable[..., tuple[Evidence, Verdict]]
TWICE = replace(ONE, lives=2)
WARNING = "[   60.1] WARNING: kernel/power/process.c:200 at thaw_processes+0x1/0x2"
LOOP = ("loop",)


def breaks(scene: Scene, *lines: str, broken: tuple[str, ...] = ()) -> Scene:
    """Do as in another scene, with these exercises broken, and print some lines."""

    def breaks(machine: Machine) -> None:
        machine.answers.broken = broken
        scene(machine)
        machine.prints(*lines)

    return breaks


def _expects(cause: str, scenario: Scenario = TWICE) -> Scenario:
    return replace(scenario, expected=Expected(outcome=Outcome.CORRUPT, cause=cause))


@pytest.mark.parametrize(
    ("scene", "cause"),
    [
        (breaks(resumes(), broken=LOOP), "audit-loop"),
        (breaks(resumes(), WARNING), "kernel-log"),
    ],
    ids=["audit", "kernel log"],
)
def test_a_guest_that_is_damaged_is_not_hibernated_again(
    runs: Runs, scene: Scene, cause: str
) -> None:
    """The scene fails when it is told to hibernate: what is stuck would have it hang."""
    evidence, verdict = runs(TWICE, saves(), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, cause), verdict
    assert [boot.directory for boot in evidence.boots] == ["save", "resume"]


def test_nothing_more_is_done_with_it_either(runs: Runs) -> None:
    after = replace(ONE, after=(Do(command="never done"),))
    evidence, _ = runs(after, saves(), breaks(resumes(), broken=LOOP))
    assert evidence.boots[1].steps == ()


def test_damage_that_is_expected_ends_it_as_well(runs: Runs) -> None:
    _, verdict = runs(_expects("audit-loop"), saves(), breaks(resumes(), broken=LOOP))
    assert verdict.as_expected, verdict


def test_other_damage_than_is_expected_is_waited_for(runs: Runs) -> None:
    twice = _expects("resumed-twice", ONE)
    evidence, verdict = runs(twice, saves(), breaks(resumes(), broken=LOOP), starts())
    assert len(evidence.boots) == 3
    assert (verdict.cause, verdict.as_expected) == ("audit-loop", False)


def test_expected_damage_waits_for_the_fault_that_is_to_be_its_cause(runs: Runs) -> None:
    cut = Fault(when=AtStage(stage=Stage.WITNESS, boot="resume-2"), what=CutPower())
    scenario = replace(_expects("audit-loop"), faults=(cut,))
    evidence, verdict = runs(scenario, saves(), breaks(resumes(again=True), broken=LOOP), resumes())
    assert evidence.boots[-1].power_cut
    assert verdict.as_expected, verdict


def test_whoever_asks_for_it_has_all_boots(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    Play((saves(), breaks(resumes(), broken=LOOP), starts())).instead(monkeypatch)
    evidence = run(replace(job, scenario=ONE), lambda _: None)
    assert len(evidence.boots) == 3
    assert judge(ONE, evidence).cause == "audit-loop"
