"""The walk of /proc, on processes of this test's own."""

import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hibtest.agent import tasks
from hibtest.deadline import Deadline, poll


@contextmanager
def sleeping(path: str = "/bin/sleep") -> Iterator[int]:
    with subprocess.Popen([path, "1000"]) as process:
        try:
            poll(lambda: state(process.pid) == "S" or None, Deadline.after(10, "a sleeper"))
            yield process.pid
        finally:
            process.kill()


def state(pid: int) -> str:
    task = tasks.look(pid)
    return task.state if task else ""


def test_a_process_is_found_with_what_it_is() -> None:
    with sleeping() as pid:
        [task] = [one for one in tasks.walk() if one.pid == pid]
        assert (task.tid, task.comm, task.state) == (pid, "sleep", "S")
        assert (task.ppid, task.tracer, task.kernel) == (os.getpid(), 0, False)
        assert task == tasks.look(pid)


@pytest.mark.parametrize("name", ["a b", "a) S (b", "()", "a\nb", ") R 1"])
def test_a_name_may_hold_anything(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.symlink_to("/bin/sleep")
    with sleeping(os.fspath(path)) as pid:
        task = tasks.look(pid)
        assert task is not None
        assert task.comm == name
        assert task.ppid == os.getpid()


def test_each_thread_is_a_task() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        mine = [one.tid for one in tasks.walk() if one.pid == os.getpid()]
        assert mine[0] == os.getpid()
        assert thread.native_id in mine
    finally:
        done.set()
        thread.join()


def test_what_is_left_out_is_not_looked_at() -> None:
    assert os.getpid() not in {one.pid for one in tasks.walk(without={os.getpid()})}


def test_what_has_ended_is_nothing() -> None:
    with sleeping() as pid:
        pass
    assert tasks.look(pid) is None
    assert tasks.wchan(pid, pid) == ""
    assert tasks.tracer(pid, pid) == 0
    assert not tasks.stop_is_pending(pid, pid)
    assert pid not in {one.pid for one in tasks.walk()}


def test_a_walk_stands_processes_that_come_and_go() -> None:
    with subprocess.Popen(["sh", "-c", "while :; do /bin/true; done"]) as process:
        try:
            for _ in range(50):
                assert process.pid in {one.pid for one in tasks.walk(tracers=True)}
        finally:
            process.kill()


def test_the_newest_is_at_least_the_one_just_started() -> None:
    with sleeping() as pid:
        assert tasks.newest() >= pid or tasks.newest() < pid - 1000  # others start some; it wraps


def test_the_tracer_is_told() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with sleeping() as pid:
        if libc.ptrace(ctypes.c_long(16), pid, None, None) < 0:  # PTRACE_ATTACH
            pytest.skip("processes may not be traced here")
        os.waitpid(pid, 0)
        assert tasks.tracer(pid, pid) == threading.get_native_id()
        [task] = [one for one in tasks.walk(tracers=True) if one.pid == pid]
        assert (task.state, task.tracer) == ("t", threading.get_native_id())
        libc.ptrace(ctypes.c_long(17), pid, None, None)


def test_a_blocked_stop_signal_is_pending() -> None:
    # SIGTSTP can be blocked, and is pending then; SIGSTOP is in state D alone
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
    try:
        with sleeping() as pid:
            assert not tasks.stop_is_pending(pid, pid)
            os.kill(pid, signal.SIGTSTP)
            assert tasks.stop_is_pending(pid, pid)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
