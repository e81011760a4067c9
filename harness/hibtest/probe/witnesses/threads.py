"""The witness of all threads of the guest."""

from __future__ import annotations

import os
from collections import Counter
from typing import NamedTuple

from hibtest.linux.tasks import PF_KTHREAD, PF_NOFREEZE, PF_SUSPEND_TASK
from hibtest.probe import procfs
from hibtest.probe.base import Facts, Planted, Witness

# How long a thawed guest may take until everything is in its place again.
SETTLE = 2.0
# A thread that works with a disk sleeps uninterruptibly for moments.
MOMENT = 0.02
# Kernel threads that come and go as work does.
POOLS = ("kworker/",)
# ext4's thread that zeroes inode tables after a mount, and ends when they are all zero
# (fs/ext4/super.c ext4_lazyinit_thread(), 6.1 to 7.3).
ENDING = ("ext4lazyinit",)
_ENDED = ("Z", "X")
# Of programs that a scenario brought along: hibtest/cycle/workload.py.
OWN = "/sys/fs/cgroup/hibtest-own/cgroup.procs"


class Thread(NamedTuple):
    """A thread, and the process that it is of."""

    pid: int
    tid: int
    comm: str
    state: str
    parent: int
    flags: int
    starttime: int

    @property
    def kernel(self) -> bool:
        """Whether it is a thread of the kernel."""
        return bool(self.flags & PF_KTHREAD)


def everyone() -> list[Thread]:
    """Return all threads there are."""
    pids = [entry.name for entry in os.scandir("/proc") if entry.name.isdigit()]
    return [thread for pid in pids for tid in tasks(pid) if (thread := read(int(pid), tid))]


def tasks(pid: str) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(f"/proc/{pid}/task")]
    except OSError:
        return []  # it has just ended


def read(pid: int, tid: str) -> Thread | None:
    found = procfs.stat(f"/proc/{pid}/task/{tid}/stat")
    if found is None:
        return None
    return Thread(pid, found.pid, found.comm, found.state, found.ppid, found.flags, found.started)


def passing(threads: list[Thread]) -> set[int]:
    """Return the processes that end with the SSH sessions which are there now."""
    parents = {thread.pid: thread.parent for thread in threads}
    servers = {t.pid for t in threads if t.comm.startswith("sshd")}
    gone = set()
    for pid in parents:
        at = pid
        while at in parents:
            if at in servers and parents.get(at) in servers:
                gone.add(pid)
            at = parents[at]
    return gone


def own() -> set[int]:
    """Return the processes of programs that a scenario brought along: theirs may come and go."""
    return {int(pid) for pid in procfs.read_or(OWN, "").split()}


def threads() -> Planted:
    """All threads of the guest.

    Planted: ``{"threads": [[tid, starttime, comm, state, staying]], "kernel": {comm: count}}``,
    user and kernel threads apart; ``staying`` is 0 for those of an SSH session, which will end,
    and of a scenario's own programs.
    Found: the same without ``staying``, ``"stuck"``: [[tid, comm, state, wchan]] of threads in
    an uninterruptible sleep that were not when this was planted, after up to 5 s of waiting,
    and ``"exempt"``: user threads that are exempt from freezing now and were not.
    """
    first = everyone()
    ending = passing(first) | own()
    users = [t for t in first if not t.kernel]
    sleeping = {t.tid for t in first if t.state == "D"}
    exempt = {t.tid for t in users if t.flags & (PF_NOFREEZE | PF_SUSPEND_TASK)}
    kernel = count_kernel(first)

    def look() -> Facts:
        now = stuck = first

        def settled() -> bool:
            nonlocal now, stuck
            now = everyone()
            stuck = [t for t in now if t.state == "D" and t.tid not in sleeping]
            procfs.wait_for(lambda: not asleep(stuck), MOMENT)
            stuck = asleep(stuck)
            return not stuck and not kernel.keys() - count_kernel(now)

        procfs.wait_for(settled, SETTLE, every=0.2)
        return {
            "threads": [[t.tid, t.starttime, t.comm, t.state] for t in now if not t.kernel],
            "kernel": count_kernel(now),
            "stuck": [[t.tid, t.comm, t.state, wchan(t)] for t in stuck],
            "exempt": newly_exempt(now, exempt),
        }

    lines = [[t.tid, t.starttime, t.comm, t.state, int(t.pid not in ending)] for t in users]
    return Planted({"threads": lines, "kernel": kernel}, look)


def asleep(threads: list[Thread]) -> list[Thread]:
    """Return those of them that are in an uninterruptible sleep now."""
    now = [read(t.pid, str(t.tid)) for t in threads]
    return [t for t in now if t is not None and t.state == "D"]


def count_kernel(found: list[Thread]) -> dict[str, int]:
    names = [thread.comm for thread in found if thread.kernel]
    return Counter(name for name in names if not name.startswith((*POOLS, *ENDING)))


def newly_exempt(found: list[Thread], before: set[int]) -> list[list[int | str]]:
    # who has ended is exempt, too: do_task_dead(), kernel/sched/core.c, 6.1 to 7.3
    mask = PF_NOFREEZE | PF_SUSPEND_TASK
    return [
        [t.tid, t.comm, t.flags]
        for t in found
        if not t.kernel and t.flags & mask and t.tid not in before and t.state not in _ENDED
    ]


def wchan(thread: Thread) -> str:
    return procfs.read_or(f"/proc/{thread.pid}/task/{thread.tid}/wchan", "")


WITNESSES = (Witness("threads", threads),)
