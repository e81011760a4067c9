"""Exercises of memory: given back, and reclaimed, swapped and compacted again."""

from __future__ import annotations

import mmap
import os
import re

from hibtest.probe import pages, procfs, syscalls
from hibtest.probe.audit.exercise import Exercise
from hibtest.probe.base import Facts, Failed, Lacking
from hibtest.probe.witnesses import threads
from hibtest.probe.witnesses.memory import MADV_PAGEOUT, MIB, swapped_pages

# Slots that each CPU keeps for itself once something was swapped out, and those that it has not
# given back yet: two times SWAP_SLOTS_CACHE_SIZE (include/linux/swap_slots.h, up to v6.13).
KEPT_KIB = 2 * 64 * 4
# What may go astray between two looks: caches of pages on each CPU, changes on the way.
ASTRAY_KIB = 8 << 10
ACCOUNTED = (
    ["MemFree", "Active", "Inactive", "Unevictable", "Slab", "PageTables", "SecPageTables"],
    ["Percpu", "VmallocUsed", "Bounce", "HardwareCorrupted", "Balloon"],
)


def meminfo() -> dict[str, int]:
    """Return /proc/meminfo, in KiB."""
    lines = [line.split() for line in procfs.read("/proc/meminfo").splitlines()]
    return {words[0].rstrip(":"): int(words[1]) for words in lines}


def state() -> Facts:
    """Return ``{"total", "unaccounted", "swap"}``, in KiB: what must not grow.

    And how much of swap is ``"used"``, and was swapped ``"out"`` until now.
    """
    info = meminfo()
    lost, swap = unaccounted(info), unexplained_swap(info)
    slots = {"used": info["SwapTotal"] - info["SwapFree"], "out": swapped_out()}
    return {"total": info["MemTotal"], "unaccounted": lost, "swap": swap, **slots}


def unaccounted(info: dict[str, int]) -> int:
    """Return how many KiB of memory no counter accounts for."""
    known = sum(info.get(name, 0) for names in ACCOUNTED for name in names)
    return info["MemTotal"] - known - in_cpu_lists()


def in_cpu_lists() -> int:
    """Return how many KiB of free pages the CPUs keep for themselves; MemFree lacks them."""
    counts = re.findall(r"^\s+count:\s+(\d+)", procfs.read("/proc/zoneinfo"), re.MULTILINE)
    return sum(map(int, counts)) * pages.SIZE // 1024


def unexplained_swap(info: dict[str, int]) -> int:
    """Return how many KiB of swap are used by neither a process, the cache nor a tmpfs."""
    used = info["SwapTotal"] - info["SwapFree"] - info["SwapCached"]
    return used - in_processes("VmSwap:") - in_tmpfs()


def swapped_out() -> int | None:
    """Return how many KiB may have got a slot since the kernel booted, if it counts that.

    What was written; what zswap took; pages of zeros, which need not be written (since 6.11, and
    counted later than that); and, which has those, too, all that was taken from processes.
    """
    names = "pswpout|zswpout|swpout_zero|pgsteal_anon"
    found = re.findall(rf"^({names}) (\d+)$", procfs.read_or("/proc/vmstat", ""), re.MULTILINE)
    if "pswpout" not in [name for name, _ in found]:
        return None
    return sum(int(count) for _, count in found) * pages.SIZE // 1024


def in_processes(key: str) -> int:
    total = 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            lines = procfs.read_or(f"/proc/{entry.name}/status", "").splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith(key))
    return total


def in_tmpfs() -> int:
    mounts = [line.split() for line in procfs.read("/proc/self/mounts").splitlines()]
    used = [os.statvfs(words[1]) for words in mounts if words[2] == "tmpfs"]
    return sum((s.f_blocks - s.f_bfree) * s.f_frsize for s in used) // 1024


def given_back(recorded: Facts) -> str:
    """Compare the memory that there is, and that no counter accounts for, with before."""
    was, info = recorded["memory"], meminfo()
    if was["total"] != info["MemTotal"]:
        raise Failed(f"MemTotal was {was['total']} KiB and is {info['MemTotal']} KiB")

    def grows() -> int:
        return unaccounted(meminfo()) - int(was["unaccounted"])

    # kcompactd takes free pages off their lists while it works, and puts them back
    back = procfs.wait_for(lambda: grows() <= ASTRAY_KIB, 3, every=0.1)
    grown = grows()
    if not back:
        raise Failed(f"{grown} KiB more than before are in use by nobody, over {ASTRAY_KIB} KiB")
    return f"MemTotal as before; {grown} KiB more are unaccounted for, at most {ASTRAY_KIB}"


def slots_given_back(recorded: Facts) -> str:
    """Compare the swap that is used with before: no more than was swapped out since.

    To the slot, where nothing was.
    """
    if not meminfo()["SwapTotal"]:
        raise Lacking("no swap is on")
    was, now = recorded["memory"], state()
    grown = now["swap"] - was["swap"]
    if grown > ASTRAY_KIB:
        raise Failed(f"{grown} KiB more of swap are in use by nobody, over {ASTRAY_KIB} KiB")
    if was["out"] is None or now["out"] is None:
        return f"{grown} KiB more of swap are unaccounted for, at most {ASTRAY_KIB}"
    more, out = now["used"] - was["used"], now["out"] - was["out"]
    most = out and out + KEPT_KIB * (os.cpu_count() or 1)
    if more > most:
        raise Failed(f"{more} KiB more of swap are in use, and at most {out} KiB went out since")
    return f"{more} KiB more of swap are in use, at most {out} KiB went out since"


def swapping() -> str:
    """Push memory out to swap, and read it back."""
    if not meminfo()["SwapFree"]:
        raise Lacking("no swap is on")
    with mmap.mmap(-1, MIB, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as area:
        data = pages.content(MIB // pages.SIZE, 30)
        area[:] = data
        area.madvise(MADV_PAGEOUT)
        out = swapped_pages(syscalls.address(area), MIB // pages.SIZE)
        same = area[:] == data
    if not same or not out:
        raise Failed(f"{out} of {MIB // pages.SIZE} pages went to swap, content same: {same}")
    return f"{out} pages went to swap and came back"


def compaction() -> str:
    """Wake the kernel thread that compacts memory; it is freezable."""
    path = "/proc/sys/vm/compaction_proactiveness"
    value = procfs.need(path)
    found = [t.pid for t in threads.everyone() if t.kernel and t.comm.startswith("kcompactd")]
    if not found or value == "0":
        raise Lacking("no kcompactd, or it is told to do nothing")
    first = [switches(pid) for pid in found]
    procfs.write(path, value)
    if not procfs.wait_for(lambda: [switches(pid) for pid in found] != first, 3):
        raise Failed(f"kcompactd did not wake up, its state is {procfs.state(found[0])}")
    return "kcompactd woke up"


def switches(pid: int) -> int:
    lines = procfs.read(f"/proc/{pid}/status").splitlines()
    return sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)


def locking() -> str:
    """Lock a MiB in memory: drains the lists of pages that each CPU keeps."""
    area = mmap.mmap(-1, MIB, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    syscalls.mlock(area)
    return "1 MiB was locked"


def exercises(recorded: Facts) -> tuple[Exercise, ...]:
    """Return the exercises of memory."""
    return (
        Exercise("memory", "swsusp_free (kernel/power/snapshot.c)", lambda: given_back(recorded)),
        Exercise("swap-slots", "free_all_swap_pages", lambda: slots_given_back(recorded)),
        Exercise("swapping", "pm_restore_gfp_mask (kernel/power/main.c)", swapping),
        Exercise("mlock", "thaw_workqueues (kernel/workqueue.c)", locking),
        Exercise("kcompactd", "thaw_kernel_threads (kernel/power/process.c)", compaction),
    )
