"""What goes wrong on many hosts: it costs time, or it is told in a line; nothing is left."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from hibtest.bench.rundir import OWNER, VERDICT
from hibtest.cluster import joined
from hibtest.cluster.ordered import Ordered
from hibtest.cluster.pieces import Piece
from hibtest.deadline import Deadline, poll
from hibtest.errors import ExitStatus
from hibtest.evidence import Evidence, read_json
from hibtest.job import EVIDENCE
from hibtest.spec import Outcome
from hibtest.verdict import Verdict
from tests.cluster.lab import Lab, environment, started, stock
from tests.commands import Command

GOOD = "refused-trixie-no-swap"
LIMIT = 120.0  # s, on a busy host
# Says that it runs, and by which process it was started; then only waits to be ended.
WAITS = """trap 'echo >"$place/ended"; kill $!; exit 130' TERM
sleep 600 & echo "$PPID" >"$place/begun.new"; mv "$place/begun.new" "$place/begun"; wait"""


def _begun(place: Path) -> int:
    """Return the process whose run waits."""
    path = place / "begun"
    deadline = Deadline.after(LIMIT, "a run that waits")
    poll(lambda: path.exists() or None, deadline)
    return int(path.read_text())


def test_a_worker_that_is_killed_costs_nothing_but_time(
    there: Lab, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock(there.store("client"))
    there.works(f'if [ -e "$place/begun" ]; then leaves; else {WAITS}; fi')
    killed = f'"$(cat "{there.place}/begun")"'
    with there.worker("alpha"), there.worker("beta"), _killer(there.place, killed):
        done = run(GOOD)
    assert done.status == ExitStatus.EXPECTED, done.out + done.err
    assert "its worker is gone: once more on " in done.out
    assert [path.name for path in (there.place / "runs" / GOOD).iterdir()] == ["1"]
    with there.worker("alpha"), there.worker("beta"):  # which remove what the killed one left
        assert [path for path in there.place.glob(f"*/**/{GOOD}/1") if "runs-" in str(path)] == []


def _killer(place: Path, which: object) -> "subprocess.Popen[bytes]":
    """Have a process killed as soon as a run waits."""
    script = f'until [ -e "{place}/begun" ]; do sleep 0.1; done; kill -9 {which}'
    return subprocess.Popen(["sh", "-c", script])


def test_a_scheduler_that_is_killed_ends_all(
    there: Lab, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joined, "_REACH", 1.0)
    stock(there.store("client"))
    there.works(WAITS)
    with there.worker("alpha") as worker, _killer(there.place, there.scheduler):
        done = run(GOOD, "--times", "2")
        assert worker.wait(LIMIT) == ExitStatus.UNAVAILABLE
    assert done.status == ExitStatus.UNAVAILABLE
    assert done.out.count("HostError: the scheduler at tcp://") >= 2
    assert done.err == ""
    assert (there.place / "ended").exists()
    assert list((there.place / "runs").glob("[!.]*")) == []


def test_a_worker_that_is_killed_with_a_run_in_its_hands_costs_nothing_but_time(
    there: Lab, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock(there.store("client"))
    there.works('echo "$PPID" >"$place/last"; leaves')
    real = Ordered.piece
    killed: list[int] = []

    def piece(self: Ordered, name: str, offset: int) -> Piece:
        if not killed:
            killed.append(int((there.place / "last").read_text()))
            os.kill(killed[0], signal.SIGKILL)
        return real(self, name, offset)

    monkeypatch.setattr(Ordered, "piece", piece)
    with there.worker("alpha"), there.worker("beta"):
        done = run(GOOD)
    assert done.status == ExitStatus.EXPECTED, done.out + done.err
    assert "once more elsewhere: the worker tcp://" in done.out
    assert [path.name for path in (there.place / "runs" / GOOD).iterdir()] == ["1"]
    assert not list((there.place / "runs").glob(".parts"))


def test_a_run_that_kills_its_workers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Dask counts the deaths; here one is allowed."""
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "1")
    there: Lab = request.getfixturevalue("there")
    run: Command = request.getfixturevalue("run")
    stock(there.store("client"))
    there.works('kill -9 "$PPID"; sleep 5')
    with there.worker("alpha"), there.worker("beta"):
        done = run(GOOD)
    assert done.status == ExitStatus.UNAVAILABLE
    assert "WorkerDied" in done.out
    assert "the workers that were to run it died" in done.out
    assert not (there.place / "runs" / GOOD).exists()


def test_what_a_worker_process_of_a_run_ended_with_is_told(there: Lab, run: Command) -> None:
    stock(there.store("alpha"))
    there.works("exit 3")
    with there.worker("alpha"):
        done = run(GOOD)
    assert done.status == ExitStatus.UNAVAILABLE
    evidence = read_json(there.place / "runs" / GOOD / "1" / EVIDENCE, Evidence)
    assert evidence.trouble
    assert evidence.trouble.kind == "WorkerDied"
    verdict = read_json(there.place / "runs" / GOOD / "1" / VERDICT, Verdict)
    assert verdict.outcome is Outcome.INVALID


def test_ctrl_c_ends_what_was_started(there: Lab) -> None:
    stock(there.store("client"))
    there.works(WAITS)
    words = ("-m", "hibtest", "run", GOOD, "--accel", "tcg", "--cluster", there.address)
    runs = there.place / "runs"
    with (
        there.worker("alpha") as worker,
        started(*words, "--runs", str(runs), env=environment(there.place, "client")) as front,
    ):
        assert _begun(there.place) == worker.pid
        front.send_signal(signal.SIGINT)
        assert front.wait(LIMIT) == ExitStatus.INTERRUPTED
        assert (there.place / "ended").exists()
        assert worker.poll() is None
        left = list(there.cache("alpha").rglob(f"{GOOD}/*"))
    assert left == []
    assert list(runs.glob("[!.]*")) == []
    assert not list(runs.glob("*/*/" + OWNER))


def test_who_orders_and_is_killed_leaves_nothing_running(there: Lab) -> None:
    stock(there.store("client"))
    there.works(WAITS)
    words = ("-m", "hibtest", "run", GOOD, "--accel", "tcg", "--cluster", there.address)
    env = environment(there.place, "client")
    with (
        there.worker("alpha"),
        started(*words, "--runs", str(there.place / "runs"), env=env) as front,
    ):
        _begun(there.place)
        front.kill()
        deadline = Deadline.after(LIMIT, "the end of the run")
        poll(lambda: (there.place / "ended").exists() or None, deadline)


def test_another_hibtest_is_refused(
    there: Lab, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joined, "who_we_are", lambda: "9.9 (other)")
    with there.worker("alpha"):
        done = run(GOOD)
    assert done.status == ExitStatus.USAGE
    first, second = done.err.splitlines()
    assert "has hibtest 0." in first
    assert "this is 9.9 (other)" in first
    assert second == "  → install the same on all hosts"


def test_without_workers_the_remedy_is_told(there: Lab, run: Command) -> None:
    done = run(GOOD)
    assert done.status == ExitStatus.UNAVAILABLE
    assert done.err.splitlines()[1] == f"  → hibtest cluster worker {there.address}"


def test_without_a_scheduler_the_remedy_is_told(
    hibtest: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joined, "_REACH", 1.0)
    done = hibtest("run", GOOD, "--cluster", "tcp://127.0.0.1:1")
    assert done.status == ExitStatus.UNAVAILABLE
    assert done.err.splitlines()[0] == "hibtest: no scheduler answers at tcp://127.0.0.1:1"
