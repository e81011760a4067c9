"""The guardian undoes what the worker has done, however it ended."""

import errno
import json
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hibtest.agent.errors import AgentError
from hibtest.agent.guardian import left, signals, undo
from hibtest.agent.guardian.guard import guarded, recover
from hibtest.agent.guardian.journal import Journal
from hibtest.agent.log import Log
from hibtest.agent.memory import Lines


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    (tmp_path / "kmsg").touch()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        monkeypatch.setattr(left, "RUN", Path(memory))
        yield Log(str(tmp_path / "kmsg"))


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


def _fails_after(number: int, whom: str) -> Any:
    def work(log: Log, journal: Journal) -> None:
        journal.add("test", name="first")
        journal.add("test", name="second")
        pid = {"guardian": os.getppid(), "worker": os.getpid(), "second": 0}[whom]
        (pid,) = {pid} if pid else journal.guardians - {os.getppid()}
        os.kill(pid, number)
        if number in signals.ENDS and whom == "guardian":
            signal.pause()

    return work


CATCHABLE = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


def _front(log: Log, work: Any, out: Path) -> int:
    """Run a save in a process of its own, that may be killed; return how it ended."""
    pid = os.fork()
    if pid == 0:
        try:
            for number in signals.ENDS:  # nohup and shells have some of them ignored, for good
                signal.signal(number, signal.SIG_DFL)
            ended = guarded(log, work)
            out.write_text(json.dumps(ended))
        finally:
            os._exit(0)
    return os.waitpid(pid, 0)[1]


@pytest.fixture
def undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which every undo writes the name of its entry."""
    path = tmp_path / "undone"
    path.touch()

    def take_back(args: dict[str, Any]) -> None:
        with path.open("a") as file:
            file.write(args["name"] + "\n")

    monkeypatch.setitem(undo.UNDO, "test", take_back)
    return path


@pytest.mark.parametrize("whom", ["guardian", "second"])
@pytest.mark.parametrize("number", CATCHABLE)
def test_a_guardian_outlives_each_signal(
    log: Log, undone: Path, tmp_path: Path, number: int, whom: str
) -> None:
    assert _front(log, _fails_after(number, whom), tmp_path / "out") == 0
    assert undone.read_text().split() == ["second", "first"]
    killed = whom == "guardian" and number in signals.ENDS
    status, _, _, all_undone = json.loads((tmp_path / "out").read_text())
    assert (status, all_undone) == (-signal.SIGKILL if killed else 0, True)


@pytest.mark.parametrize("number", [*CATCHABLE, signal.SIGSTOP, signal.SIGKILL])
def test_a_signal_to_the_worker_ends_it_or_does_nothing(
    log: Log, done: list[str], number: int
) -> None:
    ended = guarded(log, _fails_after(number, "worker"))
    assert ended.status == (-number if number in (*signals.ENDS, signal.SIGKILL) else 0)
    assert (ended.undone, done) == (True, ["second", "first"])


def test_a_stopped_guardian_is_continued(log: Log, undone: Path, tmp_path: Path) -> None:
    assert _front(log, _fails_after(signal.SIGSTOP, "guardian"), tmp_path / "out") == 0
    assert undone.read_text().split() == ["second", "first"]


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_the_first_needs_no_second(log: Log, done: list[str], number: int) -> None:
    assert guarded(log, _fails_after(number, "second")).undone
    assert done == ["second", "first"]


def _waits(held: int, kill: str) -> Any:
    """Return work that kills guardians; the pipe ``held`` is closed when all who have it ended."""

    def work(log: Log, journal: Journal) -> None:
        _work(log, journal)
        os.write(held, b"begun")
        if kill == "both":
            os.kill(next(iter(journal.guardians - {os.getppid()})), signal.SIGKILL)
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()

    return work


@pytest.mark.parametrize("kill", ["first", "both"])
def test_who_is_killed_is_replaced_or_recovered(
    log: Log, undone: Path, tmp_path: Path, kill: str
) -> None:
    read, write = os.pipe()
    ended = _front(log, _waits(write, kill), tmp_path / "out")
    os.close(write)
    assert ended == signal.SIGKILL
    with os.fdopen(read, "rb") as all_ended:
        assert all_ended.read() == b"begun"
    if kill == "both":
        assert undone.read_text() == ""
        assert recover(log)
    assert undone.read_text().split() == ["second", "first"]
    assert not left.path().exists()
    assert recover(log)
    assert undone.read_text().split() == ["second", "first"]


@pytest.mark.parametrize("error", [KeyError("x"), ValueError(), MemoryError(), RecursionError()])
def test_whatever_an_undo_raises_the_others_are_tried(
    log: Log, done: list[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(_: dict[str, Any]) -> None:
        raise error

    def work(_: Log, journal: Journal) -> None:
        journal.add("test", name="first")
        journal.add("bad")
        journal.add("unknown")
        journal.add("test", name="last")

    with monkeypatch.context() as patch:
        patch.setitem(undo.UNDO, "bad", fail)
        assert not guarded(log, work).undone
    assert done == ["last", "first"]
    assert not recover(log)  # nobody knows these two
    assert done == ["last", "first"]  # what was undone is not undone again


def test_two_saves_at_once_are_refused(log: Log, done: list[str]) -> None:
    def work(log: Log, _: Journal) -> None:
        with log.step("again"):
            guarded(log, lambda *_: None)

    assert "another save is under way" in guarded(log, work).why


@pytest.mark.parametrize("what", ["link", "readable"])
def test_a_journal_that_is_not_ours_is_refused(log: Log, tmp_path: Path, what: str) -> None:
    if what == "link":
        left.path().symlink_to(tmp_path / "elsewhere")
    else:
        left.path().touch(0o644)
    with pytest.raises(AgentError):
        recover(log)
    assert not (tmp_path / "elsewhere").exists()


def test_the_mask_and_the_oom_score_are_given_back(
    log: Log, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "_NEVER", "700")  # a lower one takes CAP_SYS_RESOURCE
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    score = Path("/proc/self/oom_score_adj").read_text()

    def work(log: Log, _: Journal) -> None:
        log.say("oom", score=Path(f"/proc/{os.getppid()}/oom_score_adj").read_text())

    guarded(log, work)
    assert '"score": "700' in log.lines.read()[0]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before
    assert Path("/proc/self/oom_score_adj").read_text() == score


def test_a_journal_that_a_frozen_disk_would_hold_up_is_refused(
    log: Log, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left, "RUN", Path("/proc"))
    with pytest.raises(AgentError, match="/proc is no tmpfs, but proc"):
        guarded(log, _work)
    assert done == []
