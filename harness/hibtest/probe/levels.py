"""What a life must not use more of with each hibernation: memory, swap, descriptors; and clocks."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from hibtest.probe import daemon, procfs
from hibtest.probe.audit import memory
from hibtest.probe.base import RUN, Facts
from hibtest.probe.hibernator import RETURNED
from hibtest.probe.witnesses import threads
from hibtest.probe.witnesses.clocks import read_clocks

RTC = "/sys/class/rtc/rtc0/since_epoch"
_ENDS = 2.0  # s


def levels() -> Facts:
    """Return what is in use now: memory and swap in KiB, descriptors, and clocks in seconds.

    ``{"free", "available", "slab", "used", "swap", "nobodys", "files", "own", "realtime",
    "monotonic", "boottime", "rtc"}``; ``None`` for what the kernel has not.
    """
    end_sessions()
    info = memory.meminfo()
    clocks = read_clocks()
    return {
        "free": info["MemFree"],
        "available": info["MemAvailable"],
        "slab": info["SUnreclaim"],
        "used": used(info),
        "swap": info["SwapTotal"] - info["SwapFree"],
        "nobodys": memory.unexplained_swap(info),
        "files": int(procfs.read("/proc/sys/fs/file-nr").split()[0]),
        "own": own(),
        **{name: clocks[name] for name in ("realtime", "monotonic", "boottime")},
        "rtc": procfs.number(RTC),
    }


def used(info: dict[str, int]) -> int:
    """Return how many KiB are neither free nor can be had back, swapped out or not."""
    files = info["Active(file)"] + info["Inactive(file)"]
    free = info["MemFree"] + memory.in_cpu_lists() + files + info["SReclaimable"]
    # what is in the swap cache is in both
    swapped = info["SwapTotal"] - info["SwapFree"] - info["SwapCached"]
    return info["MemTotal"] - free + swapped


def own() -> int:
    """Return how many descriptors the witness daemon and its children have open."""
    first = procfs.number(RUN / daemon.PID)
    everyone = threads.everyone()
    ours = {first}
    while more := {t.pid for t in everyone if t.parent in ours} - ours:
        ours |= more
    return sum(map(descriptors, ours - {None}))


def descriptors(pid: int | None) -> int:
    with suppress(OSError):
        return sum(1 for _ in os.scandir(f"/proc/{pid}/fd"))
    return 0  # it has just ended


def end_sessions() -> None:
    """End the SSH sessions that began before the last resume.

    Their clients went with the machine that was powered off, and nobody tells them: one more would
    be left in each life.
    """
    returned = procfs.number(RUN / RETURNED)
    if returned is None:
        return
    now = threads.everyone()
    left = {t.pid for t in now if t.starttime < returned} & threads.passing(now)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    procfs.wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left), _ENDS)
