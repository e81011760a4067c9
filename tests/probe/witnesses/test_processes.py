"""Witnesses among processes: planted for real, changed by a signal or a call, and looked at."""

import ctypes
import errno
import mmap
import os
import signal
import time
from collections.abc import Callable

import pytest

from hibtest.probe import procfs, syscalls
from hibtest.probe.base import Lacking, Planted
from hibtest.probe.detached import child
from hibtest.probe.shared import Words
from hibtest.probe.witnesses import counter, processes, waiters
from tests.probe.tree import Tree
from tests.probe.witnesses.looking import Looked, kept

pytestmark = pytest.mark.usefixtures("ending")

STATES: dict[str, tuple[Callable[[], Planted], str]] = {
    "stopped": (processes.stopped, "T"),
    "traced": (processes.traced, "t"),
    "zombie": (processes.zombie, "Z"),
    "vfork-parent": (processes.vfork_parent, "D"),
    "nice": (processes.nice, "S"),
}


@pytest.mark.parametrize("name", STATES)
def test_processes_are_in_their_states(name: str) -> None:
    plant, state = STATES[name]
    witness = Looked(name, plant)
    assert witness.planted["state"] == state
    assert witness.planted["starttime"] > 0


@pytest.mark.parametrize("name", STATES)
def test_a_process_that_is_gone_is_found(name: str, impatient: None) -> None:
    plant, _ = STATES[name]
    witness = plant()
    pid = witness.facts["pid"]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    found = witness.look()
    assert found == {"pid": pid, "starttime": None, "state": None}


def test_a_stopped_process_that_goes_on_is_found(impatient: None) -> None:
    witness = processes.stopped()
    os.kill(witness.facts["pid"], signal.SIGCONT)
    assert witness.look()["state"] in ("S", "R")


def test_a_process_that_is_less_nice_is_found() -> None:
    witness = Looked("nice", processes.nice)
    assert (witness.planted["policy"], witness.planted["nice"]) == (os.SCHED_BATCH, 7)
    os.setpriority(os.PRIO_PROCESS, witness.planted["pid"], 9)
    assert witness.wrong() == ("nice was 7, is 9",)
    os.sched_setscheduler(witness.planted["pid"], os.SCHED_OTHER, os.sched_param(0))
    assert "policy was 3, is 0" in witness.wrong()


def test_real_time_that_was_lost_is_found() -> None:
    try:
        witness = Looked("realtime", processes.realtime)
    except PermissionError:
        pytest.skip("SCHED_FIFO is for root, and for those with an RLIMIT_RTPRIO")
    assert (witness.planted["policy"], witness.planted["priority"]) == (os.SCHED_FIFO, 10)
    os.sched_setscheduler(witness.planted["pid"], os.SCHED_FIFO, os.sched_param(11))
    assert witness.wrong() == ("priority was 10, is 11",)


def test_masks_of_a_process_and_of_its_thread() -> None:
    witness = Looked("affinity", processes.affinity)
    assert witness.planted["thread"] == [max(procfs.cpus())]
    assert set(witness.planted["process"]) >= procfs.cpus()
    os.sched_setaffinity(witness.planted["pid"], {0})
    assert witness.found()["process"] == [0]
    assert witness.found()["thread"] == witness.planted["thread"]


def test_a_process_that_is_gone_has_no_mask() -> None:
    pid = child(lambda: None)
    os.waitpid(pid, 0)
    assert processes.mask(pid) is None


def test_a_control_group_binds_its_process(recorded: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "CGROUP", recorded.at("/sys/fs/cgroup"))
    group = processes.CGROUP / "hibtest"
    recorded.put("/sys/fs/cgroup/cgroup.subtree_control", "")
    recorded.put("/sys/fs/cgroup/hibtest/cpuset.cpus", "\n")
    monkeypatch.setattr(procfs, "write", lambda path, text: path.write_text(text))
    monkeypatch.setattr(procfs, "identity", lambda pid: {"pid": pid, "starttime": 1})
    witness = Looked("cgroup", processes.cgroup)
    assert witness.planted["cpus"] == "1"
    assert witness.planted["procs"] == str(witness.planted["pid"])
    assert (processes.CGROUP / "cgroup.subtree_control").read_text() == "+cpuset"
    (group / "cgroup.procs").write_text("")
    assert [text.split()[0] for text in witness.wrong()] == ["procs"]


def test_without_control_groups_there_is_none(tree: Tree) -> None:
    with pytest.raises(Lacking, match="no control groups"):
        processes.cgroup()


def test_a_counter_counts_on() -> None:
    witness = Looked("counter", counter.counter)
    found = witness.found()
    assert found["later"] > found["count"] >= witness.planted["count"] > 0
    os.kill(witness.planted["pid"], signal.SIGSTOP)
    wrong = witness.wrong()
    assert len(wrong) == 1
    assert "stands still at" in wrong[0]


def test_a_count_that_is_not_its_own_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    areas = kept(monkeypatch, mmap, "mmap")
    witness = Looked("counter", counter.counter)
    area = areas[0]
    os.kill(witness.planted["pid"], signal.SIGSTOP)
    procfs.wait_for(lambda: procfs.state(witness.planted["pid"]) == "T", 2)
    area[:8] = (1 << 40).to_bytes(8, "little")
    os.kill(witness.planted["pid"], signal.SIGCONT)
    procfs.wait_for(lambda: counter.read(area)[1] > 0, 2)
    wrong = witness.wrong()
    assert any("shared count was not its own 1 times" in text for text in wrong)
    assert not any("CLOCK_MONOTONIC" in text for text in wrong)


def test_a_clock_that_leaps_is_kept_in_mind(monkeypatch: pytest.MonkeyPatch) -> None:
    area = mmap.mmap(-1, 4096)
    times = iter([10.0, 10.25, 9.75, 9.8, 12.8, 12.7])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(StopIteration):
        counter.count(area)
    count, astray, back, ahead = counter.read(area)
    assert (count, astray) == (5, 0)
    assert (round(back, 9), round(ahead, 9)) == (0.5, 3.0)


def test_waiters_wake_up() -> None:
    witness = Looked("waiters", waiters.waiters)
    first = witness.found()["waits"]
    assert set(first) == set(waiters.NAMES)
    assert all(wait["woke"] and not wait["errno"] for wait in first.values())
    second = witness.found()["waits"]
    assert all(second[name]["rounds"] > first[name]["rounds"] for name in waiters.NAMES)


def test_a_futex_that_is_woken_before_it_waits_has_woken() -> None:
    waits = waiters.Waits(Words(waiters.WORDS * len(waiters.NAMES) + 1), [])
    call = waiters.in_futex(waits)
    waiters.wake(waits, "futex")
    assert (call(), ctypes.get_errno()) == (-1, errno.EAGAIN)
    waiters.wake(waits, "futex")
    assert (call(), ctypes.get_errno()) == (-1, errno.EAGAIN)


def test_waiters_that_sleep_on_are_found(impatient: None) -> None:
    witness = waiters.waiters()
    os.kill(witness.facts["pid"], signal.SIGSTOP)
    witness.ask()
    found = witness.look()
    assert {name: wait["woke"] for name, wait in found["waits"].items()} == dict.fromkeys(
        waiters.NAMES, False
    )


@pytest.mark.parametrize(("number", "place", "value"), [(4, 1, 1), (11, 0, 3), (9, 2, 9)])
def test_how_a_wait_ended_is_counted(
    monkeypatch: pytest.MonkeyPatch, number: int, place: int, value: int
) -> None:
    words = Words(6)
    results = iter([1, -1, 0])
    monkeypatch.setattr(ctypes, "get_errno", lambda: number)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with pytest.raises(StopIteration):
        waiters.rounds(words, 3, lambda: next(results))
    expected = [0, 0, 0, 2, 0, 0]
    expected[3 + place] = value
    assert list(words) == expected
    assert syscalls.address(words.area) + 24 == words.address(3)
