"""Runs in which a fault struck, or did not: what is believed of them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hibtest.cycle.faults.moment import is_now
from hibtest.evidence import (
    Evidence,
    Mark,
)
from hibtest.spec import (
    AgentMethod,
    AtPercent,
    AtRest,
    AtStage,
    CutPower,
    Do,
    Fault,
    Flip,
    Outcome,
    Stage,
    Target,
)
from hibtest.verdict import Verdict
from tests.cycle.jobs import ONE
from tests.cycle.pretend import (
    AUDIT,
    BEGINS,
    Machine,
    log,
)
from tests.cycle.scenes import (
    SIGNED,
    cut,
    panics,
    resumes,
    saves,
    saves_until,
    starts,
    struck,
)

Runs = Callable[..., tuple[Evidence, Verdict]]


def test_damage_before_a_cut_is_told(runs: Runs) -> None:
    """The first resume was looked at, and what would come of the second says nothing of it."""
    scenario = replace(cut(AtPercent(percent=40, boot="resume")), lives=2)

    def resumes_damaged(machine: Machine) -> None:
        resumes(again=True)(machine)
        machine.answers.check = {"witnesses": {"eventfd": {"found": {"value": 8}}}}
        machine.hibernates = lambda _: pytest.fail("told to hibernate")

    evidence, verdict = runs(scenario, saves(), resumes_damaged)
    assert not evidence.boots[1].power_cut
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "witness-eventfd"), verdict


def test_trouble_of_a_kernel_whose_power_is_cut_is_told(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        saves_until("progress:  50%")(machine)
        machine.prints("[    1.2] BUG: kernel NULL pointer dereference, address: 0")

    _, verdict = runs(cut(AtPercent(percent=40)), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "kernel-log"), verdict


@pytest.mark.parametrize("stage", [Stage.FREEZE, Stage.POWER_OFF])
def test_a_stage_begins_with_what_the_guest_says(runs: Runs, stage: Stage) -> None:
    """Not with the order that it is given."""

    def scene(machine: Machine) -> None:
        machine.prints(*log("trixie", "save", until=BEGINS))
        machine.hibernates = lambda _: machine.prints(
            *log("trixie", "no-swap", since=BEGINS, until=AUDIT)
        )

    evidence, verdict = runs(cut(AtStage(stage=stage)), scene, *([starts()] * (stage == "FREEZE")))
    begins = [mark.name for mark in evidence.boots[0].marks].index("begins")
    assert begins > 0
    assert evidence.boots[0].power_cut == (stage is Stage.FREEZE)
    assert verdict.cause == ("not-armed" if stage is Stage.FREEZE else "no-strike"), verdict


def test_a_cut_before_the_save_that_counts_says_nothing(runs: Runs) -> None:
    method = AgentMethod(target=Target.RAW, failures=("commit",))
    scenario = replace(cut(AtStage(stage=Stage.WRITE)), method=method)

    def scene(machine: Machine) -> None:
        machine.prints(*log("trixie", "save", until=BEGINS))
        machine.hibernates = lambda _: machine.prints(
            "hibtest: hibernate agent begins", 'agent: {"begin": "write", "t": 1.0}'
        )

    evidence, verdict = runs(scenario, scene)
    assert (evidence.boots[0].power_cut, evidence.boots[0].attempt) == (True, None)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "not-attempted"), verdict


def test_a_cut_while_a_resumed_guest_is_looked_at_leads_to_the_next_boot(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        resumes()(machine)
        machine.lost = ("check",)

    scenario = cut(AtStage(stage=Stage.WITNESS))
    evidence, verdict = runs(scenario, saves(), scene, starts())
    assert (evidence.boots[1].resumed, evidence.boots[1].witnesses) == (True, ())
    assert (verdict.outcome, verdict.cause) == (Outcome.COLD_BOOT, "not-armed"), verdict


def test_a_machine_that_has_told_of_its_power_off_is_not_cut_off(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        machine.prints(*log("trixie", "save", until=BEGINS))

        def hibernates(_words: str) -> None:
            machine.signs(b"S1SUSPEND")
            machine.tells("SUSPEND_DISK")
            machine.tells("SHUTDOWN", guest=True, reason="guest-shutdown")
            machine.prints(*log("trixie", "save", since=BEGINS))

        machine.hibernates = hibernates

    evidence, verdict = runs(cut(AtStage(stage=Stage.POWER_OFF)), scene)
    assert evidence.boots[0].struck == ()
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "no-strike"), verdict


def test_a_disk_of_a_guest_that_panics_is_not_at_rest(runs: Runs) -> None:
    flip = Fault(when=AtRest(), what=Flip(serial="swap", byte=0))
    evidence, verdict = runs(replace(ONE, faults=(flip,)), panics(saves()))
    assert evidence.boots[0].struck == ()
    assert verdict.outcome is Outcome.PANIC


def test_a_disk_is_at_rest_after_a_rescue_boot(runs: Runs) -> None:
    flip = Fault(when=AtRest(boot="rescue"), what=Flip(serial="swap", byte=SIGNED, bit=1))

    def rescue(machine: Machine) -> None:
        machine.prints(*log("trixie", "save", until=BEGINS))
        machine.when["kill -USR2"] = lambda: machine.powers_off(signs=False)

    scenario = replace(ONE, faults=(flip,), between=(Do(command="true"),))
    evidence, verdict = runs(scenario, saves(), rescue, starts())
    assert struck(evidence.boots[1]) == [
        ("flip bit 1 of byte 4086 of swap after the rescue boot", Stage.POWER_OFF)
    ]
    assert (verdict.outcome, verdict.cause) == (Outcome.COLD_BOOT, "not-armed"), verdict


@pytest.mark.parametrize(
    ("line", "stage", "now"),
    [
        ("[   1.2] PM: Image saving progress:  40%", Stage.WRITE, True),
        ("[   1.2] PM: Image saving progress:  30%", Stage.WRITE, False),
        ("[   1.2] PM: Image loading progress:  40%", Stage.LOAD, False),
        ('[   1.2] agent: {"say": "progress", "t": 1, "percent": 45, "pages": 7}', "WRITE", True),
        ("[   1.2] PM: Image saving done", Stage.WRITE, False),
    ],
)
def test_a_percent_is_one_of_its_stage(line: str, stage: Stage, now: bool) -> None:
    fault = Fault(when=AtPercent(percent=40), what=CutPower())
    mark = Mark(name="progress", t=1.0, line=line)
    assert is_now(fault, mark, stage) is now
