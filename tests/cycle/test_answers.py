"""A guest may answer anything: harness trouble before a hibernation, afterwards CORRUPT."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from hibtest.cycle import agent, witness
from hibtest.cycle.answers import Garbled, decode, only
from hibtest.cycle.hibernate import returned
from hibtest.cycle.probe import Probe
from hibtest.deadline import Deadline
from hibtest.errors import GuestError
from hibtest.evidence import Boot, Evidence, Mark, WitnessReport, read_json, to_json
from hibtest.reach.shell import NobodyListens, Result, Shell
from hibtest.runner import _afterwards
from hibtest.spec import Outcome, Role
from hibtest.story.messages import recognise
from hibtest.verdict import judge
from tests.fuzz.probe import PLANTED, answer, garbled
from tests.verdict.test_judge import COLD, RESUME, SAVE, SCENARIO

GARBAGE = [
    "", "{", "[]", "null", "7", '"text"', "[" * 100_000, '{"boot_id": 7}', "{}",
    '{"boot_id": "a", "witnesses": []}', '{"boot_id": "a", "witnesses": {"eventfd": 7}}',
    '{"boot_id": "a", "witnesses": {"eventfd": {"error": {}}}}',
    '{"error": "text"}', '{"error": {"message": 7}}', '{"boot_id": "a", "witnesses": NaN}',
    '{"begin": 7}', '{"name": "loop", "ok": "yes", "detail": "", "seconds": 0}',
    '{"name": "loop", "ok": 1, "detail": "", "seconds": 0}', '{"name": "loop", "ok": true}',
]  # fmt: skip


class _Says:
    """A guest that answers one line, whatever it is asked."""

    def __init__(self, line: str) -> None:
        self._line = line

    def ask(self, _port: int, _command: str, _deadline: Deadline) -> Iterator[str]:
        yield from (self._line, '{"status": 0}')

    def run(self, command: str, _deadline: Deadline, **_: Any) -> Result:
        return Result(command=command, status=0, stdout=self._line, stderr="")


def _probe(line: str) -> Probe:
    return Probe(cast(Shell, _Says(line)), 1)


def _soon() -> Deadline:
    return Deadline.after(60, "an answer")


ASKED: dict[str, Callable[[Probe], object]] = {
    "plant": lambda probe: witness.plant(probe, _soon()),
    "check": lambda probe: witness.check(probe, PLANTED, _soon()),
    "audit": lambda probe: witness.audit(probe, _soon()),
    "workload": lambda probe: probe.ask("workload x", _soon()),
}


@pytest.mark.parametrize("asked", ["plant", "check", "audit"])
@pytest.mark.parametrize("line", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_told(asked: str, line: str) -> None:
    with pytest.raises(GuestError):
        ASKED[asked](_probe(line))


@pytest.mark.parametrize("line", ["{", "[]", "[" * 100_000, '{"error": 7}', ""])
def test_a_workload_that_answers_garbage_is_told(line: str) -> None:
    with pytest.raises(GuestError):
        ASKED["workload"](_probe(line))


def test_a_probe_that_prints_nothing_says_why_on_its_standard_error() -> None:
    result = Result(command="x", status=127, stdout="", stderr="a\npython3: not found\n")
    with pytest.raises(GuestError, match="printed nothing: status 127: python3: not found"):
        only(result, "plant")


def test_a_new_python_that_refuses_is_the_guests_trouble() -> None:
    class NoExaminer(_Says):
        def ask(self, _port: int, _command: str, _deadline: Deadline) -> Iterator[str]:
            raise NobodyListens("port 970 of the guest")

        def stream(self, _command: str, _deadline: Deadline) -> Iterator[str]:
            yield self._line

    says = NoExaminer('{"error": {"kind": "x", "message": "nothing was planted"}}')
    with pytest.raises(GuestError, match="check: nothing was planted") as caught:
        ASKED["check"](Probe(cast(Shell, says), 1))
    assert not isinstance(caught.value, Garbled)


def test_what_is_told_is_short_and_printable() -> None:
    with pytest.raises(Garbled) as caught:
        decode('{"\x1b]0;x": ' + "7" * 10_000, dict[str, Any])
    assert len(caught.value.message) < 400
    assert caught.value.message.isprintable()


def test_before_a_hibernation_it_is_ours_and_afterwards_evidence() -> None:
    with pytest.raises(Garbled):
        _afterwards(Boot(role=Role.SAVE, directory="save"), Garbled("x"))
    assert _afterwards(SAVE, Garbled("x")) == "x"
    assert _afterwards(Boot(role=Role.RESUME, directory="resume"), Garbled("x")) == "x"


def _judged(boot: Boot, *more: Boot) -> tuple[Outcome, str]:
    verdict = judge(SCENARIO, Evidence(scenario="one", boots=(SAVE, boot, *more)))
    return verdict.outcome, verdict.cause


def test_a_garbled_answer_is_damage() -> None:
    garbled = replace(RESUME, garbled="the probe answered '{'", witnesses=(), audits=())
    assert _judged(garbled) == (Outcome.CORRUPT, "witness-answer")


@pytest.mark.parametrize("found", [7, [], "x", None, {"named": 7}, {"waits": 7}, {"modules": 1}])
@pytest.mark.parametrize("name", PLANTED)
def test_facts_of_another_shape_are_damage(name: str, found: object) -> None:
    wrong = WitnessReport(name=name, planted=PLANTED[name], found=found)
    outcome, cause = _judged(replace(RESUME, witnesses=(wrong,)), COLD)
    assert (outcome, cause) == (Outcome.CORRUPT, f"witness-{name}")


@pytest.mark.parametrize("number", range(300))
def test_whatever_is_answered_can_be_stored_and_judged(number: int, tmp_path: Path) -> None:
    rng = random.Random(number)  # noqa: S311
    line = garbled(rng, answer())
    try:
        _, reports = witness.check(_probe(line), PLANTED, _soon())
    except GuestError:
        return
    evidence = Evidence(scenario="one", boots=(SAVE, replace(RESUME, witnesses=reports), COLD))
    (tmp_path / "evidence.json").write_bytes(to_json(evidence))
    stored = read_json(tmp_path / "evidence.json", Evidence)
    assert judge(SCENARIO, stored).outcome in {Outcome.CORRUPT, Outcome.RESUMED, Outcome.INVALID}


def test_no_line_of_the_console_breaks_anything() -> None:
    absurd = "hibtest: hibernate platform returned " + "9" * 5000
    assert recognise(absurd) is None
    good = Mark(name="returned", t=1.0, line="hibtest: hibernate disk returned 16 EBUSY busy")
    assert returned(good).errno == 16
    for text in (
        '{"begin": 7}',
        '{"step": [], "t": "x"}',
        '{"step": "a", "seconds": "x"}',
        "[" * 5000,
        "[]",
    ):
        assert agent.steps([Mark(name="agent", t=1.0, line=f"agent: {text}")]) == ()
