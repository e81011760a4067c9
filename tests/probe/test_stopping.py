"""Processes that are stopped, and what is tried meanwhile: of our own children alone."""

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hibtest.probe import procfs, stopping
from hibtest.probe.detached import child
from hibtest.probe.stopping import Tries
from hibtest.probe.witnesses.processes import pause
from tests.probe.tree import Tree

pytestmark = pytest.mark.usefixtures("ending")


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Three processes that sleep: all that there are."""
    pids = [child(pause) for _ in range(3)]
    assert procfs.wait_for(lambda: all(procfs.state(pid) == "S" for pid in pids), 60)
    monkeypatch.setattr(stopping, "users", lambda: pids)
    return pids


def stopped(pids: list[int]) -> bool:
    return procfs.wait_for(lambda: all(procfs.state(pid) == "T" for pid in pids), 60)


def test_all_but_the_exempt_are_stopped(ours: list[int]) -> None:
    assert stopping.stop_all({ours[1]}) == {ours[0], ours[2]}
    assert stopped([ours[0], ours[2]])
    assert procfs.state(ours[1]) == "S"
    assert stopping.going(ours) == [ours[1]]
    assert stopping.stop_all({ours[1]}) == set()  # they are, and nobody is told twice
    stopping.send(ours, signal.SIGCONT)
    assert procfs.wait_for(lambda: len(stopping.going(ours)) == 3, 60)


def test_who_is_gone_meanwhile_is_no_error(ours: list[int]) -> None:
    os.kill(ours[0], signal.SIGKILL)
    os.waitpid(ours[0], 0)
    stopping.send(ours, signal.SIGSTOP)
    assert stopped(ours[1:])
    assert stopping.about(ours[1])[::2] == [ours[1], "T"]
    assert stopping.about(ours[0]) == [ours[0], "", ""]


def test_kernel_threads_are_no_users(recorded: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    for stat in recorded.at("/proc").glob("*/task/*/stat"):
        recorded.put(f"/proc/{stat.parts[-4]}/stat", stat.read_text())
    recorded.at("/proc/9999").mkdir()
    comms = [procfs.stat(f"/proc/{pid}/stat") for pid in stopping.users()]
    found = sorted(stat.comm for stat in comms if stat is not None)
    assert found == ["bash", "init", "python3", "sshd", "sshd-session", "sshd-session"]


def refuse() -> None:
    raise OSError(errno.EBUSY, "busy")


def odd() -> None:
    raise OSError("odd")


@pytest.mark.parametrize(("work", "number"), [(lambda: None, ""), (refuse, "EBUSY"), (odd, "EIO")])
def test_a_step_that_ends_has_an_errno(work: Callable[[], object], number: str) -> None:
    tries = Tries(60, [])
    tries.one("sync", work)
    tries.settle()
    step = tries.steps["sync"]
    assert (step["ended"], step["errno"]) == (True, number)
    assert "later" not in step
    assert tries.left() == set()


@pytest.mark.parametrize(("status", "later"), [(0, ""), (errno.EIO, "EIO")])
def test_a_step_that_hangs_may_end_later(tmp_path: Path, status: int, later: str) -> None:
    reader, writer = os.pipe()

    def wait() -> None:
        os.read(reader, 1)
        if status:
            raise OSError(status, "no")

    store = tmp_path / "store"
    store.write_bytes(b"old")
    tries = Tries(0.2, [(store, b"new")])
    tries.one("freeze", wait)
    step = tries.steps["freeze"]
    assert (step["ended"], step["arrived"]) == (False, False)
    assert "errno" not in step
    assert tries.left() == set(tries.hanging.values()) != set()
    store.write_bytes(b"new")
    tries.one("sync", lambda: None)
    assert tries.steps["sync"]["arrived"] is True
    os.write(writer, b"!")
    tries.limit = 60
    tries.settle()
    assert step["later"] == later
    os.close(reader)
    os.close(writer)


def test_a_step_that_never_ends_has_no_later() -> None:
    tries = Tries(0.05, [])
    tries.one("freeze", signal.pause)
    tries.settle()
    assert tries.steps["freeze"]["later"] is None


def test_where_a_process_sleeps(tree: Tree) -> None:
    lines = [f"[<0>] function_{number}+0x1d/0x40" for number in range(15)]
    tree.put("/proc/7/stack", "\n".join(lines) + "\n")
    assert stopping.where(7) == [f"function_{number}" for number in range(12)]
    assert stopping.where(8) == []


def test_settings_are_set_back(tree: Tree) -> None:
    tree.put(stopping.TIMEOUT, "20000\n")
    with stopping.setting(stopping.TIMEOUT, 5000):
        assert procfs.read(stopping.TIMEOUT) == "5000"
    assert procfs.read(stopping.TIMEOUT) == "20000"


def test_what_was_tried_is_told(
    ours: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    soiled = tmp_path / "soiled"
    during: list[Any] = []
    monkeypatch.setattr(os, "sync", lambda: None)
    monkeypatch.setattr(stopping, "freeze", refuse)
    real = Tries.one

    def one(tries: Tries, name: str, work: Callable[[], object]) -> None:
        during.append((name, stopping.going(ours)))
        real(tries, name, work)

    monkeypatch.setattr(Tries, "one", one)
    wish = {"seconds": 60, "freeze_seconds": 1, "soil": str(soiled), "store": str(soiled)}
    answer = stopping.tried({**wish, "continued": [ours[2]]})
    assert during == [("sync", [ours[2]]), ("freeze", [ours[2]])]
    assert (answer["stopped"], answer["refusing"]) == (3, [])
    assert {name: step["errno"] for name, step in answer["steps"].items()} == {
        "sync": "", "freeze": "EBUSY",
    }  # fmt: skip
    assert answer["steps"]["freeze"]["arrived"] is True
    assert procfs.wait_for(lambda: len(stopping.going(ours)) == 3, 60)
    assert stopping.tried({**wish, "stop": False})["stopped"] == 0
