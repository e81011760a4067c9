"""Asking the probe: the examiner first, a new Python where there is none."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from hibtest.cycle import witness
from hibtest.cycle.probe import Probe
from hibtest.deadline import Deadline
from hibtest.errors import GuestError
from hibtest.evidence import WitnessReport
from hibtest.reach.shell import NobodyListens, Shell

CHECKED = {"boot_id": "a", "witnesses": {"eventfd": {"found": {"value": 7}}}}
PLANTED: dict[str, Any] = {"eventfd": {"value": 7}}


class _Shell:
    """A guest whose examiner says ``examiner``, and whose new Pythons print ``python``."""

    def __init__(
        self, *, examiner: list[object] | None = None, python: list[object] | None = None
    ) -> None:
        self.examiner = examiner
        self.python = python or []

    def ask(self, _port: int, _line: str, _deadline: Deadline) -> Iterator[str]:
        if self.examiner is None:
            raise NobodyListens("port 970 of the guest")
        yield from map(json.dumps, self.examiner)

    def stream(self, _command: str, _deadline: Deadline) -> Iterator[str]:
        yield from map(json.dumps, self.python)


def _soon() -> Deadline:
    return Deadline.after(10, "an answer")


def _check(shell: _Shell) -> tuple[str, tuple[WitnessReport, ...]]:
    return witness.check(Probe(cast(Shell, shell), 1), PLANTED, _soon())


@pytest.mark.parametrize(
    "shell",
    [
        pytest.param(_Shell(examiner=[CHECKED, {"status": 0}]), id="examiner"),
        pytest.param(_Shell(python=[CHECKED]), id="python"),
    ],
)
def test_the_witnesses_are_looked_at(shell: _Shell) -> None:
    boot_id, (report,) = _check(shell)
    assert (boot_id, report.name, report.found, report.error) == ("a", "eventfd", {"value": 7}, "")


def test_what_the_probe_cannot_do_is_the_guests_trouble() -> None:
    error = {"error": {"kind": "before", "message": "nothing was planted in this life"}}
    with pytest.raises(GuestError, match="nothing was planted"):
        _check(_Shell(examiner=[error, {"status": 1}]))


@pytest.mark.parametrize("said", [[], [{"status": 0}]])
def test_an_answer_that_is_missing_is_said(said: list[object]) -> None:
    with pytest.raises(GuestError, match="check"):
        _check(_Shell(examiner=said))


@pytest.mark.parametrize(
    ("consoles", "told"),
    [
        ({"save": b"[ 1.0] hibtest counts 1\r\n[ 2.0] hibtest counts 2\r\n",
          "resume": b"[ 2.7] hibtest counts 3\r\n"}, {"now": [3], "before": 2}),
        ({"save": b"hibtest counts 7\n", "resume": b""}, {"now": [], "before": 7}),
        ({"resume": b"hibtest counts 1\nhibtest counts 12"}, {"now": [1, 12], "before": 0}),
        ({"save": b"hibtest counts " + b"9" * 5000 + b"\n"}, {"now": [], "before": 0}),
    ],
)  # fmt: skip
def test_what_was_said_on_the_consoles_is_added(
    tmp_path: Path, consoles: dict[str, bytes], told: dict[str, Any]
) -> None:
    for boot, text in consoles.items():
        (tmp_path / boot).mkdir()
        (tmp_path / boot / "console.log").write_bytes(text)
    counting = WitnessReport(name=witness.COUNTING, planted={}, found={"count": 1})
    gone = WitnessReport(name=witness.COUNTING, planted={}, error="is gone")
    other = WitnessReport(name="eventfd", planted={}, found={"value": 7})
    past = [tmp_path / "save", tmp_path / "rescue"]
    added, *same = witness.heard((counting, gone, other), tmp_path / "resume", past)
    assert added.found == {"count": 1, "console": told}
    assert same == [gone, other]


def test_an_exercise_in_which_the_examiner_ends_is_named() -> None:
    done = {"name": "loop", "ok": True, "detail": "", "seconds": 0.1}
    shell = _Shell(examiner=[{"begin": "loop"}, done, {"begin": "oom-killer"}])
    loop, oom = witness.audit(Probe(cast(Shell, shell), 1), _soon())
    assert (loop.ok, oom.name, oom.ok) == (True, "oom-killer", False)
    assert "broke off" in oom.detail
