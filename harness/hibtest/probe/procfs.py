"""Reading /proc and /sys."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from hibtest.linux import tasks
from hibtest.linux.descriptors import closing
from hibtest.linux.tasks import Stat
from hibtest.probe.base import PATIENCE, Facts, Lacking

T = TypeVar("T")


def read(path: str | Path) -> str:
    """Return a file's text without the white space around it.

    :raise OSError: When it cannot be read.
    """
    return raw(path).decode(errors="replace").strip()


def raw(path: str | Path) -> bytes:
    """Return a file's bytes.

    One open, one read or two: cheaper than a buffered file, and under TCG that counts.

    :raise OSError: When it cannot be read.
    """
    fd = os.open(path, os.O_RDONLY)
    try:
        text = b""
        while True:
            part = os.read(fd, 1 << 16)
            text += part
            if not part:
                return text
    finally:
        os.close(fd)


def read_or(path: str | Path, otherwise: T) -> str | T:
    """Return a file's text, or ``otherwise`` when it cannot be read."""
    try:
        return read(path)
    except OSError:
        return otherwise


def kib(path: str, name: str) -> int:
    """Return the number in a line such as ``VmLck:  8 kB`` of a file, 0 when it has none."""
    for line in read_or(path, "").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0


def need(path: str | Path) -> str:
    """Return a file's text.

    :raise Lacking: When there is no such file.
    """
    try:
        return read(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Lacking(f"no {path}") from error


def write(path: str | Path, text: str) -> None:
    """Write a text into a file of the kernel, in one write."""
    with closing(os.open(path, os.O_WRONLY)) as fd:
        os.write(fd, text.encode())


def say(text: str, path: str = "/dev/kmsg") -> None:
    """Write a line to the kernel log, where the console shows it.

    It ends with a newline: without one the kernel keeps the line back until the next one
    comes, which might continue it (vprintk_store(), kernel/printk/printk.c, 6.1 to 7.3).
    """
    write(path, f"<4>hibtest: {text}\n")


def boot_id() -> str:
    """Return the name of this life of the kernel."""
    return read("/proc/sys/kernel/random/boot_id")


def cpus(which: str = "online") -> set[int]:
    """Return the numbers of the CPUs that are ``online``, ``present`` or ``possible``."""
    return cpu_list(read(f"/sys/devices/system/cpu/{which}"))


def cpu_list(text: str) -> set[int]:
    """Return the numbers in a list such as ``0-2,5``.

    >>> sorted(cpu_list("0-2,5"))
    [0, 1, 2, 5]
    """
    found: set[int] = set()
    for part in text.split(","):
        if part.strip():
            first, _, last = part.partition("-")
            found.update(range(int(first), int(last or first) + 1))
    return found


# Since when all waits count, while several are made one after the other; what is left for one
# that comes when all time has been used up.
_together: list[float] = []
MOMENT = 0.5


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Have all waits count from now: they take as long as the longest of them, and not as all."""
    _together.append(time.monotonic())
    try:
        yield
    finally:
        _together.pop()


def until(limit: float) -> float:
    """Return when a wait that may take ``limit`` seconds ends, as ``time.monotonic()`` counts.

    :param limit: For a guest that has its CPUs to itself; :data:`PATIENCE` stretches it.
    """
    now = time.monotonic()
    if not _together:
        return now + limit * PATIENCE
    return max(_together[-1] + limit * PATIENCE, now + min(limit, MOMENT) * PATIENCE)


def wait_for(fact: Callable[[], bool], limit: float, every: float = 0.005) -> bool:
    """Ask for a fact until it is true or ``limit`` seconds have passed; return it.

    :param limit: As for :func:`until`.
    """
    end = until(limit)
    while not fact():
        if time.monotonic() >= end:
            return fact()
        time.sleep(every)
    return True


def number(path: str | Path) -> int | None:
    """Return the number in a file, ``None`` when there is no such file or no number."""
    try:
        return int(read(path))
    except (OSError, ValueError):
        return None


def stat(path: str) -> Stat | None:
    """Return what a file ``stat`` below /proc says of a task, ``None`` when it has ended."""
    try:
        return tasks.parse(raw(path))
    except OSError:
        return None


def state(pid: int) -> str:
    """Return the state of a process, a letter; "" when there is no such process."""
    found = stat(f"/proc/{pid}/stat")
    return found.state if found else ""


def ticks() -> int:
    """Return the time since boot, in the unit in which the kernel tells when a task started.

    It counts the time off, as that does: do_task_stat(), fs/proc/array.c, 6.1 to 7.3.
    """
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


def identity(pid: int) -> Facts:
    """Return ``{"pid", "starttime"}``: together they name a process for as long as it lives."""
    found = stat(f"/proc/{pid}/stat")
    return {"pid": pid, "starttime": found and found.started}
