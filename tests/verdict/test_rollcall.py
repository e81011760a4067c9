"""Verdicts from made-up roll calls: all held, and each way in which somebody was not."""

from dataclasses import replace

import pytest

from hibtest.evidence import RollCall, SaveProof, Task, Writer
from hibtest.spec import Outcome
from hibtest.verdict import Verdict, judge
from tests.verdict.test_judge import COLD, GOOD, RESUME, SAVE, SCENARIO
from tests.verdict.test_proof import OFF, RESTORED, SAVED

SAVER = Task(pid=9, process=9, name="python3", state="R")
LOOSE = Task(pid=77, process=70, name="kworker (fake)", state="S")
THREAD = Task(pid=5, process=5, name="jbd2/vda-8", state="D", kernel=True)
HELD = RollCall(tasks=26, held=25, saver=SAVER)


def _judged(roll: RollCall | None, saved: SaveProof = SAVED) -> Verdict:
    saved = replace(saved, roll=roll)
    boots = (replace(SAVE, saved=saved), replace(RESUME, restored=RESTORED), COLD)
    return judge(SCENARIO, replace(GOOD, boots=boots, proof=True))


def test_how_many_were_held_is_told() -> None:
    verdict = _judged(HELD)
    assert verdict.outcome is Outcome.RESUMED
    assert "110 pages exact; 25 tasks held; " in verdict.reason


def test_a_roll_call_that_could_not_be_made_is_told() -> None:
    verdict = _judged(RollCall(lacking="the kernel has no BTF"))
    assert verdict.outcome is Outcome.RESUMED
    assert "whether all tasks were frozen is not known: the kernel has no BTF; " in verdict.reason


def test_evidence_from_before_roll_calls_says_nothing_of_tasks() -> None:
    assert "tasks" not in _judged(None).reason


@pytest.mark.parametrize(
    ("roll", "said"),
    [
        pytest.param(
            replace(HELD, awake=(LOOSE,), awake_count=1),
            "save boot: not frozen at the snapshot: kworker (fake) (77, state S)",
            id="a process",
        ),
        pytest.param(
            replace(HELD, awake=(THREAD, LOOSE), awake_count=2),
            "snapshot: kernel thread jbd2/vda-8 (5, state D), kworker (fake) (77, state S)",
            id="a thread of the kernel",
        ),
        pytest.param(replace(HELD, awake=(LOOSE,) * 32, awake_count=40), " and 36 more", id="many"),
        pytest.param(
            replace(HELD, writers=(Writer(task=LOOSE, pages=3),)),
            "wrote to their memory between the snapshot and the power-off: "
            "kworker (fake) (77, state S), 3 pages",
            id="who wrote",
        ),
    ],
)
def test_who_was_not_held_is_named(roll: RollCall, said: str) -> None:
    verdict = _judged(roll)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "not-frozen")
    assert said in verdict.reason
    assert verdict.rests_on == ("boots[*].saved.roll",)


def test_who_ran_comes_before_the_pages_that_differ() -> None:
    assert (
        _judged(replace(HELD, awake=(LOOSE,), awake_count=1), replace(SAVED, view=OFF)).cause
        == "not-frozen"
    )


def test_of_a_guest_that_started_afresh_who_ran_is_told() -> None:
    roll = replace(HELD, awake=(LOOSE,), awake_count=1)
    boots = (
        replace(SAVE, saved=replace(SAVED, roll=roll)),
        replace(RESUME, resumed=False, ready=True),
    )
    verdict = judge(SCENARIO, replace(GOOD, boots=boots, proof=True))
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "not-frozen")
