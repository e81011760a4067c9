"""What is in use: counted, without the sessions that a hibernation cut off."""

import os
import signal
from pathlib import Path

import pytest

from hibtest.probe import daemon, hibernator, levels, procfs
from hibtest.probe.detached import child
from hibtest.probe.witnesses import threads
from hibtest.probe.witnesses.threads import Thread
from tests.probe.tree import Tree

INFO = {
    "MemTotal": 1000, "MemFree": 300, "Active(file)": 50, "Inactive(file)": 100,
    "SReclaimable": 20, "SwapTotal": 500, "SwapFree": 460, "SwapCached": 10,
}  # fmt: skip


def test_what_can_be_had_back_is_not_in_use(tree: Tree) -> None:
    tree.put("/proc/zoneinfo", "  cpu: 0\n              count:    5\n")
    assert levels.used(INFO) == 1000 - (300 + 20 + 150 + 20) + 30
    swapped = INFO | {"MemFree": 310, "SwapFree": 450}
    assert levels.used(swapped) == levels.used(INFO)


def test_levels_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(levels, "RUN", tmp_path)
    (tmp_path / daemon.PID).write_text(str(os.getpid()))
    found = levels.levels()
    assert 0 < found["used"] < 1 << 40
    assert found["files"] > 0
    assert found["boottime"] >= found["monotonic"]
    with (tmp_path / daemon.PID).open():
        assert levels.levels()["own"] == found["own"] + 1


@pytest.mark.usefixtures("ending")
def test_children_count_as_the_daemons_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(levels, "RUN", tmp_path)
    (tmp_path / daemon.PID).write_text(str(os.getpid()))
    before = levels.own()
    pid = child(signal.pause)
    assert levels.own() == before + levels.descriptors(pid)


@pytest.mark.usefixtures("ending")
def test_sessions_from_before_the_resume_are_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(levels, "RUN", tmp_path)
    old, new, other = (child(signal.pause) for _ in range(3))

    def everyone() -> list[Thread]:
        def one(pid: int, comm: str, parent: int, started: int) -> Thread:
            return Thread(pid, pid, comm, "S", parent, 0, started)

        return [
            one(1, "init", 0, 0),
            one(9, "sshd", 1, 5),
            one(old, "sshd-session", 9, 50),
            one(new, "sshd-session", 9, 150),
            one(other, "counter", 1, 50),
        ]

    monkeypatch.setattr(threads, "everyone", everyone)
    levels.end_sessions()  # there was no resume
    assert [os.waitpid(pid, os.WNOHANG)[0] for pid in (old, new, other)] == [0, 0, 0]
    (tmp_path / hibernator.RETURNED).write_text("100")
    monkeypatch.setattr(levels, "_ENDS", 0.0)
    levels.end_sessions()
    assert os.waitpid(old, 0)[1] == signal.SIGKILL
    assert [os.waitpid(pid, os.WNOHANG)[0] for pid in (new, other)] == [0, 0]


def test_the_kernel_and_we_count_a_start_alike() -> None:
    started = procfs.stat("/proc/self/stat")
    assert started is not None
    assert 0 <= procfs.ticks() - started.started < 86_400 * os.sysconf("SC_CLK_TCK")
