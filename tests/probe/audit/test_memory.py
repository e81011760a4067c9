"""What the audit concludes of memory and swap, by tables of three kernels."""

import os
from types import SimpleNamespace
from typing import Any

import pytest

from hibtest.probe.audit import memory
from hibtest.probe.audit.memory import ASTRAY_KIB
from hibtest.probe.base import Failed, Lacking
from tests.probe.tree import Tree

MEMINFO = "/proc/meminfo"
PROACTIVENESS = "/proc/sys/vm/compaction_proactiveness"


@pytest.fixture(autouse=True)
def no_tmpfs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", used_by(0))


def used_by(kib: int) -> Any:
    """Return a statvfs of filesystems that hold so much, each."""
    return lambda _: SimpleNamespace(f_blocks=1 << 20, f_bfree=(1 << 20) - kib // 4, f_frsize=4096)


def number(tree: Tree, name: str) -> int:
    return memory.meminfo()[name]


def set_number(tree: Tree, name: str, kib: int) -> None:
    lines = tree.at(MEMINFO).read_text().splitlines(keepends=True)
    text = "".join(f"{name}: {kib} kB\n" if x.startswith(f"{name}:") else x for x in lines)
    assert text != "".join(lines)
    tree.put(MEMINFO, text)


def before() -> dict[str, Any]:
    return {"memory": memory.state()}


def test_of_each_kernel_nearly_all_memory_is_accounted_for(recorded: Tree) -> None:
    found = memory.state()
    assert found["total"] == number(recorded, "MemTotal")
    assert 0 < found["unaccounted"] < found["total"] // 20
    assert found["swap"] == 0


def test_free_pages_that_cpus_keep_are_accounted_for(recorded: Tree) -> None:
    kept = memory.in_cpu_lists()
    assert kept > 0
    assert kept % 4 == 0
    was = memory.unaccounted(memory.meminfo())
    recorded.put("/proc/zoneinfo", "Node 0, zone DMA\n  pages free 3808\n")
    assert memory.unaccounted(memory.meminfo()) == was + kept


def test_counts_of_all_zones_and_cpus_add_up(tree: Tree) -> None:
    text = "    cpu: 0\n              count:    3\n              high:  9\n"
    tree.put("/proc/zoneinfo", f"Node 0, zone DMA\n{text}Node 0, zone Normal\n{text}count: x\n")
    assert memory.in_cpu_lists() == 24


@pytest.mark.parametrize("name", ["MemFree", "Active", "Inactive", "Slab", "PageTables", "Percpu"])
def test_what_a_counter_has_is_accounted_for(recorded: Tree, name: str) -> None:
    was = memory.unaccounted(memory.meminfo())
    set_number(recorded, name, number(recorded, name) + 100)
    assert memory.unaccounted(memory.meminfo()) == was - 100


def test_a_kernel_may_lack_a_counter(recorded: Tree) -> None:
    was = memory.unaccounted(memory.meminfo())
    gone = number(recorded, "Percpu")
    recorded.edit(MEMINFO, "Percpu:", "PerCpuOfLater:")
    assert memory.unaccounted(memory.meminfo()) == was + gone


@pytest.mark.parametrize("more", [0, ASTRAY_KIB, -50000])
def test_memory_may_go_astray_a_little(recorded: Tree, more: int) -> None:
    was = before()
    set_number(recorded, "MemFree", number(recorded, "MemFree") - more)
    assert memory.given_back(was).startswith(f"MemTotal as before; {more} KiB more")


def test_memory_that_was_not_given_back_is_told(recorded: Tree) -> None:
    was = before()
    more = ASTRAY_KIB + 1
    set_number(recorded, "MemFree", number(recorded, "MemFree") - more)
    with pytest.raises(Failed, match=f"^{more} KiB more than before are in use by nobody"):
        memory.given_back(was)


def test_other_memory_altogether_is_told(recorded: Tree) -> None:
    was = before()
    set_number(recorded, "MemTotal", was["memory"]["total"] - 4)
    with pytest.raises(Failed, match=r"MemTotal was \d+ KiB and is \d+ KiB"):
        memory.given_back(was)


def test_swap_of_processes_caches_and_tmpfs_is_explained(
    recorded: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_number(recorded, "SwapFree", number(recorded, "SwapTotal") - 1000)
    set_number(recorded, "SwapCached", 100)
    assert memory.state()["swap"] == 900
    recorded.edit("/proc/1/status", "VmSwap:\t       0 kB", "VmSwap:\t     600 kB")
    assert memory.state()["swap"] == 300
    monkeypatch.setattr(os, "statvfs", used_by(60))
    # /run, /tmp and /dev/shm are a tmpfs each
    assert memory.state()["swap"] == 300 - 3 * 60


@pytest.mark.parametrize(("more", "good"), [(ASTRAY_KIB, True), (ASTRAY_KIB + 1, False)])
def test_slots_that_were_not_given_back_are_told(recorded: Tree, more: int, good: bool) -> None:
    set_number(recorded, "SwapTotal", 1 << 20)
    set_number(recorded, "SwapFree", 1 << 20)
    was = before()
    set_number(recorded, "SwapFree", (1 << 20) - more)
    if good:
        assert memory.slots_given_back(was).startswith(f"{more} KiB more of swap")
    else:
        with pytest.raises(Failed, match=f"^{more} KiB more of swap are in use by nobody"):
            memory.slots_given_back(was)


@pytest.mark.parametrize(
    ("more", "out", "good"),
    [
        (0, 0, True),
        (4, 0, False),  # one slot
        (-400, 0, True),
        (80, 80, True),
        (80 + 512, 80, True),  # what the only CPU keeps
        (80 + 516, 80, False),
    ],
)
def test_no_more_slots_are_in_use_than_were_swapped_out(
    recorded: Tree, monkeypatch: pytest.MonkeyPatch, more: int, out: int, good: bool
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    set_number(recorded, "SwapTotal", 1 << 20)
    set_number(recorded, "SwapFree", 1 << 19)
    recorded.put("/proc/vmstat", "pswpin 7\npswpout 100\n")
    was = before()
    if more:
        set_number(recorded, "SwapFree", (1 << 19) - more)
    recorded.put("/proc/vmstat", f"pswpin 7\npswpout {100 + out // 4}\n")
    if good:
        told = f"{more} KiB more of swap are in use, at most {out} KiB went out since"
        assert memory.slots_given_back(was) == told
    else:
        with pytest.raises(Failed, match=f"^{more} KiB more of swap are in use, and at most {out}"):
            memory.slots_given_back(was)


def test_without_swap_there_is_none_to_give_back(recorded: Tree) -> None:
    was = before()
    set_number(recorded, "SwapTotal", 0)
    set_number(recorded, "SwapFree", 0)
    with pytest.raises(Lacking, match="no swap is on"):
        memory.slots_given_back(was)
    with pytest.raises(Lacking, match="no swap is on"):
        memory.swapping()


@pytest.mark.parametrize(("out", "good"), [(256, True), (1, True), (0, False)])
def test_memory_that_does_not_go_to_swap_is_told(
    recorded: Tree, monkeypatch: pytest.MonkeyPatch, out: int, good: bool
) -> None:
    asked: list[tuple[int, int]] = []

    def pages_out(start: int, count: int) -> int:
        asked.append((start % 4096, count))
        return out

    monkeypatch.setattr(memory, "swapped_pages", pages_out)
    if good:
        assert memory.swapping() == f"{out} pages went to swap and came back"
    else:
        with pytest.raises(Failed, match="0 of 256 pages went to swap, content same: True"):
            memory.swapping()
    assert asked == [(0, 256)]


def kcompactd(tree: Tree) -> str:
    """Return the path of its status."""
    stats = tree.at("/proc").glob("*/task/*/stat")
    pid = next(stat.parts[-4] for stat in stats if "(kcompactd0)" in stat.read_text())
    return f"/proc/{pid}/status"


def status(voluntary: int, other: int) -> str:
    return f"voluntary_ctxt_switches:\t{voluntary}\nnonvoluntary_ctxt_switches:\t{other}\n"


def test_a_kernel_thread_that_wakes_up_works(recorded: Tree) -> None:
    path = kcompactd(recorded)
    recorded.put(path, status(7, 8))
    recorded.reacts[PROACTIVENESS] = lambda _: recorded.put(path, status(8, 8))
    assert memory.compaction() == "kcompactd woke up"
    assert recorded.wrote == [(PROACTIVENESS, "20")]


def test_a_kernel_thread_that_sleeps_on_is_told(recorded: Tree) -> None:
    with pytest.raises(Failed, match="kcompactd did not wake up"):
        memory.compaction()


def test_a_kernel_thread_that_is_told_to_do_nothing_lacks(recorded: Tree) -> None:
    recorded.put(PROACTIVENESS, "0\n")
    with pytest.raises(Lacking, match="told to do nothing"):
        memory.compaction()
    recorded.drop(PROACTIVENESS)
    with pytest.raises(Lacking, match=f"no {PROACTIVENESS}"):
        memory.compaction()


def test_a_mib_can_be_locked() -> None:
    assert memory.locking() == "1 MiB was locked"
