"""Exercises of what freeze_processes() forbids: usermode helpers and the OOM killer."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from hibtest.probe import procfs
from hibtest.probe.audit.exercise import Exercise
from hibtest.probe.base import RUN, Failed, Lacking
from hibtest.probe.detached import child
from hibtest.probe.witnesses.processes import CGROUP, enable

CORE_PATTERN, MODPROBE = "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe"
PRINTK = "/proc/sys/kernel/printk"
# An address family that is not in use: include/linux/socket.h ends before it.
NO_FAMILY = 63
MIB = 1 << 20


@contextlib.contextmanager
def setting(path: str, value: str) -> Iterator[None]:
    """Set a sysctl, and set it back."""
    was = procfs.need(path)
    procfs.write(path, value)
    try:
        yield
    finally:
        procfs.write(path, was)


def helper() -> str:
    """Have the kernel start a program of ours."""
    script, out = RUN / "helper", RUN / "helper.out"
    script.write_text(f"#!/bin/sh\necho $* > {out}\n")
    script.chmod(0o755)
    out.unlink(missing_ok=True)
    by = by_core if Path(CORE_PATTERN).exists() else by_module
    what = by(script)
    # A core's helper runs on while the process that dumped it is gone already.
    if not procfs.wait_for(out.exists, 3):
        raise Failed(f"{what} did not start {script}")
    return f"{what} started a program"


def by_core(script: Path) -> str:
    with setting(CORE_PATTERN, f"|{script} %p"):
        pid = child(lambda: os.kill(os.getpid(), signal.SIGQUIT))
        os.waitpid(pid, 0)
    return "a core dump"


def by_module(script: Path) -> str:
    import socket

    with setting(MODPROBE, str(script)), contextlib.suppress(OSError):
        socket.socket(NO_FAMILY)
    return "a request for a module"


def oom_killer() -> str:
    """Have the OOM killer kill a child that takes more memory than its control group has.

    Out of a group's memory the kernel calls out_of_memory() as it does out of all memory, and
    that returns at once while the OOM killer is disabled (mm/oom_kill.c, 6.1 to 7.3).
    """
    if not (CGROUP / "cgroup.procs").exists() or not enable("memory"):
        raise Lacking("no control groups of memory at /sys/fs/cgroup")
    group = CGROUP / "hibtest-oom"
    group.mkdir(exist_ok=True)
    try:
        with quiet_console():
            return kill_in(group)
    finally:
        procfs.wait_for(lambda: not procfs.read(group / "cgroup.procs"), 2)
        group.rmdir()


def kill_in(group: Path) -> str:
    procfs.write(group / "memory.max", str(4 * MIB))
    if (group / "memory.swap.max").exists():
        procfs.write(group / "memory.swap.max", "0")
    pid = child(lambda: devour(group))
    ended = procfs.wait_for(lambda: procfs.state(pid) == "Z", 5)
    if not ended:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    events = procfs.read(group / "memory.events").split()
    kills = int(events[events.index("oom_kill") + 1])
    if not ended or os.WTERMSIG(status) != signal.SIGKILL or kills != 1:
        raise Failed(f"a child out of memory: wait status {status:#x}, oom_kill {kills}")
    return "killed the child that was out of memory, and no other"


def devour(group: Path) -> None:
    procfs.write("/proc/self/oom_score_adj", "1000")
    procfs.write(group / "cgroup.procs", str(os.getpid()))
    area = mmap.mmap(-1, 16 * MIB, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(0, len(area), mmap.PAGESIZE):
        area[at] = 1


@contextlib.contextmanager
def quiet_console() -> Iterator[None]:
    """Keep the kernel's report of the kill from the serial console: it is long, and slow."""
    words = procfs.read(PRINTK).split()
    with setting(PRINTK, " ".join(["1", *words[1:]])):
        yield


EXERCISES = (
    Exercise("usermode-helper", "usermodehelper_disable (kernel/umh.c)", helper),
    Exercise("oom-killer", "oom_killer_disable, oom_killer_enable (mm/oom_kill.c)", oom_killer, 20),
)
