"""All exercises, in the order in which they run."""

from __future__ import annotations

import os

from harness.probe import syscalls
from harness.probe.audit import before
from harness.probe.audit.exercise import Exercise
from harness.probe.base import DISK, Failed

MEMBARRIER = 324


def rcu() -> str:
    """Wait for a grace period of RCU on all CPUs."""
    syscalls.syscall("membarrier", MEMBARRIER, 1, 0, 0)
    return "a global memory barrier came back"


def root_writable() -> str:
    """Write and sync a file on the root filesystem."""
    path = DISK / "audit"
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(fd, b"audit")
        os.fsync(fd)
    finally:
        os.close(fd)
        path.unlink()
    return "written and synced"


def memory_total() -> str:
    """Compare MemTotal."""
    was, now = before.recorded()["mem_total"], before.meminfo()["MemTotal"]
    if was != now:
        raise Failed(f"MemTotal was {was} KiB and is {now} KiB")
    return f"MemTotal is {now} KiB as before"


EXERCISES = (
    Exercise("rcu", "thaw_kernel_threads (kernel/power/process.c)", rcu),
    Exercise("root-writable", "thaw_processes (kernel/power/process.c)", root_writable),
    Exercise("memory-total", "swsusp_free (kernel/power/snapshot.c)", memory_total),
)
