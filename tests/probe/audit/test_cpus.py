"""Exercises of CPUs: what they conclude of a kernel that does not do as it is told."""

import os
import time
from pathlib import Path

import pytest

from hibtest.probe import procfs, syscalls
from hibtest.probe.audit import cpus
from hibtest.probe.base import Failed, Lacking
from tests.probe.tree import Tree

ONLINE = "/sys/devices/system/cpu/online"
LAST = "/sys/devices/system/cpu/cpu1/online"


def plugged(tree: Tree, states: dict[str, str]) -> None:
    """Have the list of CPUs that are online follow what is written."""
    tree.put(LAST, "1\n")
    tree.reacts[LAST] = lambda text: tree.put(ONLINE, states[text])


def test_the_last_cpu_goes_and_comes(recorded: Tree) -> None:
    plugged(recorded, {"0": "0\n", "1": "0-1\n"})
    assert cpus.hotplug() == "CPU 1 went offline and online"
    assert recorded.wrote == [(LAST, "0"), (LAST, "1")]


@pytest.mark.parametrize("states", [{"0": "0\n", "1": "0\n"}, {"0": "0-1\n", "1": "0-1\n"}])
def test_a_cpu_that_stays_as_it_is_fails(recorded: Tree, states: dict[str, str]) -> None:
    plugged(recorded, states)
    with pytest.raises(Failed, match="CPU 1 did not go offline and online"):
        cpus.hotplug()


def test_one_cpu_is_too_few(tree: Tree) -> None:
    tree.put(ONLINE, "0\n")
    with pytest.raises(Lacking, match="one CPU only"):
        cpus.hotplug()


def test_who_was_bound_to_the_cpu_is_bound_to_it_again(
    recorded: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    may = {7: {1}, 8: {0, 1}, 9: {1}, 10: {1}}

    def written(text: str) -> None:
        recorded.put(ONLINE, {"0": "0\n", "1": "0-1\n"}[text])
        if text == "0":
            may[7] = {0, 1}  # it woke up meanwhile
            del may[10]  # and this one ended

    def asked(task: int) -> set[int]:
        if task not in may:
            raise ProcessLookupError(task)
        return may[task]

    recorded.put(LAST, "1\n")
    recorded.reacts[LAST] = written
    monkeypatch.setattr(cpus, "tasks", lambda: [7, 8, 9, 10, 11])
    monkeypatch.setattr(os, "sched_getaffinity", asked)
    monkeypatch.setattr(os, "sched_setaffinity", may.__setitem__)
    cpus.hotplug()
    assert may == {7: {1}, 8: {0, 1}, 9: {1}}


def test_a_kernel_without_hotplug_lacks_it(recorded: Tree) -> None:
    with pytest.raises(Lacking, match=f"no {LAST}"):
        cpus.hotplug()
    assert recorded.wrote == []


def test_the_first_memory_block_is_set_online(recorded: Tree) -> None:
    assert cpus.hotplug_lock() == "memory0 was set online"
    path = f"{cpus.MEMORY}/memory0/state"
    assert recorded.wrote == [(path, "online")]
    recorded.reacts[path] = lambda _: OSError(22, "Invalid argument")
    assert cpus.hotplug_lock() == "memory0 was online already"


def test_a_kernel_without_memory_blocks_lacks_them(tree: Tree) -> None:
    with pytest.raises(Lacking, match="CONFIG_MEMORY_HOTPLUG"):
        cpus.hotplug_lock()
    tree.put(f"{cpus.MEMORY}/auto_online_blocks", "offline\n")
    with pytest.raises(Lacking, match="CONFIG_MEMORY_HOTPLUG"):
        cpus.hotplug_lock()


def test_sleeps_end_on_every_cpu() -> None:
    allowed = os.sched_getaffinity(0)
    assert cpus.timers() == f"slept on CPUs {sorted(procfs.cpus())}"
    assert os.sched_getaffinity(0) == allowed


@pytest.mark.parametrize(("took", "good"), [(1.9, True), (2.1, False)])
def test_a_sleep_that_takes_long_fails(
    monkeypatch: pytest.MonkeyPatch, took: float, good: bool
) -> None:
    allowed, now = os.sched_getaffinity(0), [0.0]

    def sleep(_: float) -> None:
        now[0] += took

    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    if good:
        assert cpus.timers().startswith("slept on CPUs")
    else:
        with pytest.raises(Failed, match=r"CPU 0: a sleep of 0\.005 s took 2\.1"):
            cpus.timers()
    assert os.sched_getaffinity(0) == allowed


def test_a_process_that_is_not_where_it_should_be_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = os.sched_getaffinity(0)
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None)
    monkeypatch.setattr(procfs, "cpus", lambda: {max(allowed) + 1})
    with pytest.raises(Failed, match=f"CPU {max(allowed) + 1}: a sleep"):
        cpus.timers()


def counters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *values: int) -> list[int]:
    """Have an event that counts through these values; return the CPUs that are asked for one."""
    asked: list[int] = []
    path = tmp_path / "event"

    def opened(name: str, attributes: bytes, _pid: object, cpu: object, *_: object) -> int:
        assert name == "perf_event_open"
        asked.append(cpu.value)  # type: ignore[attr-defined]
        path.write_bytes(b"".join(value.to_bytes(8, "little") for value in values))
        return os.open(path, os.O_RDONLY)

    monkeypatch.setattr(syscalls, "syscall", opened)
    return asked


def test_an_event_counts_on_each_cpu(
    recorded: Tree, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = counters(monkeypatch, tmp_path, 5, 5, 6)
    assert cpus.interrupts() == "clock events count on CPUs [0, 1]"
    assert asked == [0, 1]


def test_an_event_that_stands_still_fails(
    recorded: Tree, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    counters(monkeypatch, tmp_path, 5, 5, 5)
    with pytest.raises(Failed, match="CPU 0: its clock event stands still"):
        cpus.interrupts()


def test_work_runs_on_each_cpu(tree: Tree) -> None:
    path = "/proc/sys/vm/stat_refresh"
    with pytest.raises(Lacking, match=f"no {path}"):
        cpus.each_cpu_work()
    tree.put(path, "")
    assert cpus.each_cpu_work() == "work ran on each CPU"
    assert tree.wrote == [(path, "1")]


@pytest.mark.parametrize(("was", "other"), [("0", "1"), ("1", "0")])
def test_a_static_key_is_switched_and_switched_back(tree: Tree, was: str, other: str) -> None:
    path = "/proc/sys/kernel/sched_schedstats"
    tree.put(path, f"{was}\n")
    assert cpus.code_patching() == f"sched_schedstats went from {was} and back"
    assert tree.wrote == [(path, other), (path, was)]


def test_a_grace_period_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(syscalls, "syscall", lambda *words: asked.append(words))
    assert cpus.rcu() == "a grace period ended"
    assert asked == [("membarrier", 1, 0, 0)]  # MEMBARRIER_CMD_GLOBAL
