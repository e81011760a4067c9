"""The guardian undoes what the worker has done, however it ended."""

import errno
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from harness.agent import undo
from harness.agent.errors import AgentError
from harness.agent.guard import guarded
from harness.agent.journal import Journal
from harness.agent.log import Log
from harness.agent.memory import Lines


@pytest.fixture
def log(tmp_path: Path) -> Log:
    (tmp_path / "kmsg").touch()
    return Log(str(tmp_path / "kmsg"))


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []

    def take_back(args: dict[str, Any]) -> None:
        if args["name"] == "stuck":
            raise AgentError("cannot")
        names.append(args["name"])

    monkeypatch.setitem(undo.UNDO, "test", take_back)
    return names


def _work(log: Log, journal: Journal) -> None:
    journal.add("test", name="first")
    with log.step("one"):
        journal.add("test", name="second")


def test_after_success_all_is_undone_newest_first(log: Log, done: list[str]) -> None:
    ended = guarded(log, _work)
    assert ended == (0, 0, "", True)
    assert done == ["second", "first"]


def test_a_failure_is_told_with_its_errno(log: Log, done: list[str]) -> None:
    def work(log: Log, journal: Journal) -> None:
        with log.step("write"):
            journal.add("test", name="slots")
            raise AgentError("no room", "make some", errno.ENOSPC)

    ended = guarded(log, work)
    assert ended == (1, errno.ENOSPC, "no room (make some)", True)
    assert done == ["slots"]


def test_a_killed_worker_is_undone(log: Log, done: list[str]) -> None:
    def work(log: Log, journal: Journal) -> None:
        _work(log, journal)
        os.kill(os.getpid(), signal.SIGKILL)

    ended = guarded(log, work)
    assert ended.status == -signal.SIGKILL
    assert ended.errno == errno.ECANCELED
    assert done == ["second", "first"]


def test_a_mistake_of_ours_is_undone_too(
    log: Log, done: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    def work(_: Log, journal: Journal) -> None:
        journal.add("test", name="one")
        raise ZeroDivisionError

    assert guarded(log, work).status == 70
    assert done == ["one"]
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_what_cannot_be_undone_is_said_and_the_rest_is(log: Log, done: list[str]) -> None:
    def work(_: Log, journal: Journal) -> None:
        journal.add("test", name="first")
        journal.add("test", name="stuck")

    assert not guarded(log, work).undone
    assert done == ["first"]


def test_a_step_is_a_line_when_it_begins_and_one_when_it_ends(log: Log, tmp_path: Path) -> None:
    with log.step("freeze") as facts:
        facts["tasks"] = 7
    lines = (tmp_path / "kmsg").read_text().splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["<5>agent:"] * 2
    begin, end = (json.loads(line.partition(" ")[2]) for line in lines)
    assert begin["begin"] == "freeze"
    assert (end["step"], end["tasks"]) == ("freeze", 7)
    assert log.lines.read() == [line.partition(" ")[2] for line in lines]


def test_a_line_of_the_kernels_log_is_never_too_long(log: Log, tmp_path: Path) -> None:
    log.say("much", names=["x" * 50] * 100, count=3)
    (line,) = (tmp_path / "kmsg").read_text().splitlines()
    assert len(line) < 1000
    assert json.loads(line.partition(" ")[2])["count"] == 3


def test_lines_of_a_child_are_seen_and_have_a_limit() -> None:
    lines = Lines(64)
    pid = os.fork()
    if pid == 0:
        lines.add("from the child")
        os._exit(0)
    os.waitpid(pid, 0)
    assert lines.read() == ["from the child"]
    assert not lines.fits("x" * 60)
    with pytest.raises(AgentError, match="do not fit"):
        lines.add("x" * 60)
    assert lines.read() == ["from the child"]
