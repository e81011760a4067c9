"""Witnesses among processes: states, priorities, CPU masks, control groups."""

from __future__ import annotations

import _thread
import ctypes
import os
import signal
from pathlib import Path

from hibtest.probe import procfs, shared, syscalls
from hibtest.probe.base import Facts, Lacking, Planted, Witness
from hibtest.probe.detached import child

CLONE_VFORK, PTRACE_TRACEME = 0x4000, 0
CGROUP = Path("/sys/fs/cgroup")
# A process that was just started or thawed gets into its state within this time.
SETTLE = 2.0


def pause() -> None:
    while True:
        signal.pause()


def state(pid: int, awaited: str) -> Facts:
    """Return ``{"pid", "starttime", "state", "policy", "priority", "nice"}`` of a process.

    Its state is waited for: everything runs for a moment after a thaw.
    """
    procfs.wait_for(lambda: procfs.state(pid) == awaited, SETTLE)
    try:
        policy, priority = os.sched_getscheduler(pid), os.sched_getparam(pid).sched_priority
        nice = os.getpriority(os.PRIO_PROCESS, pid)
    except ProcessLookupError:
        return {**procfs.identity(pid), "state": None}
    facts = {**procfs.identity(pid), "state": procfs.state(pid)}
    return {**facts, "policy": policy, "priority": priority, "nice": nice}


def in_state(pid: int, awaited: str) -> Planted:
    facts = state(pid, awaited)
    return Planted(facts, lambda: state(pid, awaited))


def stopped() -> Planted:
    """A process that was stopped by a signal. Planted and found: see :func:`state`."""
    pid = child(pause)
    os.kill(pid, signal.SIGSTOP)
    return in_state(pid, "T")


def traced() -> Planted:
    """A process that is stopped under ptrace(2), by the daemon. Facts as for stopped."""

    def trace_me() -> None:
        syscalls.check(syscalls.LIBC.ptrace(PTRACE_TRACEME, 0, None, None), "ptrace")
        os.kill(os.getpid(), signal.SIGSTOP)
        pause()

    return in_state(child(trace_me), "t")


def zombie() -> Planted:
    """A process that ended and is not waited for. Facts as for stopped."""
    return in_state(child(lambda: None), "Z")


def vfork_parent() -> Planted:
    """A process that waits for the child it made with vfork(2). Facts as for stopped."""

    def vfork() -> None:
        # With memory of its own (no CLONE_VM), so that the child may run Python.
        me = os.getpid()
        if syscalls.syscall("clone", CLONE_VFORK | signal.SIGCHLD, 0, 0, 0, 0) == 0:
            syscalls.die_with_parent(me)
            pause()

    return in_state(child(vfork), "D")


def realtime() -> Planted:
    """A process of the real-time class. Facts as for stopped."""
    pid = child(pause)
    os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(10))
    return in_state(pid, "S")


def nice() -> Planted:
    """A process that is nice, of the batch class. Facts as for stopped."""
    pid = child(pause)
    os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))
    os.setpriority(os.PRIO_PROCESS, pid, 7)
    return in_state(pid, "S")


def affinity() -> Planted:
    """A process that may run on all CPUs, with a thread bound to the last one.

    Planted and found: ``{"pid", "starttime", "process", "thread"}``, the last two being lists
    of CPUs.
    """
    tid = shared.Words(1)

    def bound() -> None:
        os.sched_setaffinity(0, {max(procfs.cpus())})
        tid[0] = _thread.get_native_id()
        pause_thread()

    def both() -> None:
        os.sched_setaffinity(0, procfs.cpus("possible"))
        _thread.stack_size(256 << 10)
        _thread.start_new_thread(bound, ())
        pause()

    pid = child(both)
    procfs.wait_for(lambda: tid[0] > 0, SETTLE)

    def look() -> Facts:
        masks = {"process": mask(pid), "thread": mask(tid[0])}
        return {**procfs.identity(pid), **masks}

    return Planted(look(), look)


def pause_thread() -> None:
    # signal.pause() is for the main thread alone.
    while True:
        syscalls.LIBC.poll(None, ctypes.c_ulong(0), -1)


def mask(tid: int) -> list[int] | None:
    try:
        return sorted(os.sched_getaffinity(tid))
    except ProcessLookupError:
        return None


def cgroup() -> Planted:
    """A process in a control group of its own, bound to the last CPU where cpusets are on.

    Planted and found: ``{"pid", "starttime", "cgroup", "procs", "cpus", "effective",
    "allowed"}``.
    """
    if not (CGROUP / "cgroup.procs").exists():
        raise Lacking("no control groups (v2) at /sys/fs/cgroup")
    enable("cpuset")
    group = CGROUP / "hibtest"
    group.mkdir(exist_ok=True)
    pid = child(pause)
    if (group / "cpuset.cpus").exists():
        procfs.write(group / "cpuset.cpus", str(max(procfs.cpus())))
    procfs.write(group / "cgroup.procs", str(pid))

    def look() -> Facts:
        return {
            **procfs.identity(pid),
            "cgroup": procfs.read_or(f"/proc/{pid}/cgroup", ""),
            "procs": procfs.read_or(group / "cgroup.procs", ""),
            "cpus": procfs.read_or(group / "cpuset.cpus", ""),
            "effective": procfs.read_or(group / "cpuset.cpus.effective", ""),
            "allowed": mask(pid),
        }

    return Planted(look(), look)


def enable(controller: str) -> bool:
    """Enable a controller for groups below the root; return whether it is there."""
    if controller in procfs.read_or(CGROUP / "cgroup.controllers", "").split():
        procfs.write(CGROUP / "cgroup.subtree_control", f"+{controller}")
        return True
    return False


WITNESSES = (
    Witness("stopped", stopped),
    Witness("traced", traced),
    Witness("zombie", zombie),
    Witness("vfork-parent", vfork_parent),
    Witness("realtime", realtime),
    Witness("nice", nice),
    Witness("affinity", affinity),
    Witness("cgroup", cgroup, private=False),
)
