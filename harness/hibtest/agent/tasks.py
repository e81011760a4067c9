"""The one walk of /proc: which tasks there are, and what each is doing.

Written for few system calls: under emulation each counts, and so does each line of Python.
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from typing import NamedTuple

from hibtest.linux.tasks import Stat, parse

# The states (proc_pid_stat(5)) of tasks that do not run and cannot by themselves: stopped, in a
# tracer's hands, dead.
STILL = frozenset("TtZXx")
# Bits of ShdPnd and SigPnd in /proc/PID/status: SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU.
_STOP_SIGNALS = 0b1111 << 18

_SIZE = 4096  # bytes; more than the longest stat


class Task(NamedTuple):
    """A thread; see :class:`~hibtest.linux.tasks.Stat`.

    :ivar tracer: Process id of its tracer; 0 when it has none or nobody asked.
    """

    pid: int
    tid: int
    comm: str
    state: str
    ppid: int
    tracer: int
    kernel: bool
    started: int


def walk(*, tracers: bool = False, without: Container[int] = ()) -> Iterator[Task]:
    """Yield all tasks, each process's leader first. What ends meanwhile is left out.

    :param tracers: Whether :attr:`Task.tracer` is asked for: twice the time.
    :param without: Processes that need not be looked at.
    """
    for name in _names("/proc"):
        if name.isdigit() and int(name) not in without:
            yield from _process(name, tracers)


def look(pid: int) -> Task | None:
    """Return the leader of a process, or ``None`` when there is no such process."""
    found = _stat(f"/proc/{pid}/stat")
    return _task(pid, found) if found else None


def newest() -> int:
    """Return the process or thread id that was given last: the next one is higher, or wraps."""
    return int(_read("/proc/loadavg").split()[4])


def wchan(pid: int, tid: int) -> str:
    """Return the kernel function that a task sleeps in; "" when it runs or cannot be asked."""
    text = _read(f"/proc/{pid}/task/{tid}/wchan").decode("ascii", "replace")
    return "" if text == "0" else text


def tracer(pid: int, tid: int) -> int:
    """Return the process that traces a task, or 0."""
    value = _status(f"/proc/{pid}/task/{tid}/status").get(b"TracerPid", b"0")
    return int(value)


def stop_is_pending(pid: int, tid: int) -> bool:
    """Whether a task will stop as soon as it leaves the kernel."""
    status = _status(f"/proc/{pid}/task/{tid}/status")
    pending = int(status.get(b"ShdPnd", b"0"), 16) | int(status.get(b"SigPnd", b"0"), 16)
    return bool(pending & _STOP_SIGNALS)


def _process(name: str, tracers: bool) -> Iterator[Task]:
    pid = int(name)
    found = _stat(f"/proc/{name}/stat")
    if found is None:
        return
    yield _task(pid, found, tracers)
    if found.threads <= 1:
        return
    for tid in _names(f"/proc/{name}/task"):
        if tid != name:
            more = _stat(f"/proc/{name}/task/{tid}/stat")
            if more is not None:
                yield _task(pid, more, tracers)


def _stat(path: str) -> Stat | None:
    line = _read(path)
    return parse(line) if line else None


def _task(pid: int, stat: Stat, tracers: bool = False) -> Task:
    kernel = stat.kernel
    by = tracer(pid, stat.pid) if tracers and not kernel else 0
    return Task(pid, stat.pid, stat.comm, stat.state, stat.ppid, by, kernel, stat.started)


def _status(path: str) -> dict[bytes, bytes]:
    fields = (line.partition(b":") for line in _read(path).split(b"\n"))
    return {key: value.strip() for key, _, value in fields}


def _names(path: str) -> list[str]:
    try:
        return os.listdir(path)  # noqa: PTH208 - no objects: it must be quick
    except OSError:  # it has ended
        return []


def _read(path: str) -> bytes:
    # b"" when the task has ended: ENOENT at the open, ESRCH at the read
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(fd, _SIZE)
    except OSError:
        return b""
    finally:
        os.close(fd)
