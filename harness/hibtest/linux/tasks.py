"""What /proc/PID/stat and /proc/PID/task/TID/stat say of a task: proc_pid_stat(5).

do_task_stat(), fs/proc/array.c; the flags are in include/linux/sched.h (6.1 to 7.3).
"""

from __future__ import annotations

from typing import NamedTuple

PF_KTHREAD, PF_NOFREEZE, PF_SUSPEND_TASK = 0x00200000, 0x00008000, 0x80000000


class Stat(NamedTuple):
    """A task.

    :ivar pid: Its own number: that of the process for a leader, of the thread for the others.
    :ivar state: One letter: R, S, D, T, t, Z, X or I.
    :ivar flags: ``PF_...``
    :ivar threads: How many its process has.
    :ivar started: Clock ticks after boot; with the pid it names a process for as long as the
        kernel lives.
    """

    pid: int
    comm: str
    state: str
    ppid: int
    flags: int
    threads: int
    started: int

    @property
    def kernel(self) -> bool:
        """Whether it is a thread of the kernel."""
        return bool(self.flags & PF_KTHREAD)


def parse(line: bytes) -> Stat:
    """Return what a line says; a comm may hold anything, newlines and ``) S 1`` included.

    :raise ValueError: When it is no such line.
    """
    head, _, tail = line.rpartition(b")")
    pid, _, comm = head.partition(b" (")
    fields = tail.split(None, 20)
    try:
        numbers = int(fields[1]), int(fields[6]), int(fields[17]), int(fields[19])
        return Stat(int(pid), comm.decode(errors="replace"), chr(fields[0][0]), *numbers)
    except (ValueError, IndexError) as error:
        raise ValueError(f"no line of /proc/PID/stat: {line!r:.200}") from error
