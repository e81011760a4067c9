"""Witnesses of time: clocks, and timers that run across the snapshot."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import struct
import time

from harness.probe import procfs, shared, syscalls
from harness.probe.base import Facts, Planted, Witness
from harness.probe.detached import child

INTERVAL = 0.02


def clocks() -> Planted:
    """The clocks, in seconds, and the clock source.

    Planted and found: ``{"monotonic", "boottime", "realtime", "process", "source"}``.
    """
    return Planted(read_clocks(), read_clocks)


def read_clocks() -> Facts:
    source = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
    return {
        "monotonic": time.clock_gettime(time.CLOCK_MONOTONIC),
        "boottime": time.clock_gettime(time.CLOCK_BOOTTIME),
        "realtime": time.clock_gettime(time.CLOCK_REALTIME),
        "process": time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID),
        "source": procfs.read_or(source, ""),
    }


def timerfd() -> Planted:
    """A timerfd that expires 50 times a second.

    Planted: ``{"interval"}``, in seconds; found: the same, ``"expirations"`` since the last
    look and ``"ticks"``: whether it expired again within a second.
    """
    libc = syscalls.LIBC
    flags = os.O_CLOEXEC | os.O_NONBLOCK
    fd = syscalls.check(libc.timerfd_create(time.CLOCK_MONOTONIC, flags), "timerfd_create")
    nanoseconds = int(INTERVAL * 1e9)
    spec = struct.pack("4q", 0, nanoseconds, 0, nanoseconds)
    syscalls.check(libc.timerfd_settime(fd, 0, spec, None), "timerfd_settime")

    def look() -> Facts:
        expirations = struct.unpack("Q", os.read(fd, 8))[0] if readable(fd, 1) else 0
        return {"interval": interval(fd), "expirations": expirations, "ticks": readable(fd, 1)}

    return Planted({"interval": interval(fd)}, look)


def readable(fd: int, limit: float) -> bool:
    return bool(select.select([fd], [], [], limit)[0])


def interval(fd: int) -> float:
    spec = ctypes.create_string_buffer(32)
    syscalls.check(syscalls.LIBC.timerfd_gettime(fd, spec), "timerfd_gettime")
    seconds, nanoseconds = struct.unpack_from("2q", spec.raw)
    return float(seconds + nanoseconds / 1e9)


def signals() -> Planted:
    """A process with two timers that send it signals: setitimer(2) and timer_create(2).

    Planted: ``{"pid"}``; found: the same, the counts ``"itimer"`` and ``"posix"``, and for
    both whether they ``"ticks"`` on within a second.
    """
    counts = shared.Words(2)
    pid = child(lambda: tick(counts))

    def look() -> Facts:
        first = list(counts)
        procfs.wait_for(lambda: all(now > was for now, was in zip(counts, first)), 1)  # noqa: B905 (3.9)
        ticks = [now > was for now, was in zip(counts, first)]  # noqa: B905 (3.9)
        return {"pid": pid, "itimer": first[0], "posix": first[1], "ticks": ticks}

    return Planted({"pid": pid}, look)


def tick(counts: shared.Words) -> None:
    signal.signal(signal.SIGALRM, lambda *_: counts.add(0))
    signal.signal(signal.SIGRTMIN, lambda *_: counts.add(1))
    signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
    # struct sigevent: value, signal number, SIGEV_SIGNAL (0), padding to 64 bytes.
    event = struct.pack("qii48x", 0, int(signal.SIGRTMIN), 0)
    timer = ctypes.c_void_p()
    libc = syscalls.LIBC
    created = libc.timer_create(time.CLOCK_MONOTONIC, event, ctypes.byref(timer))
    syscalls.check(created, "timer_create")
    nanoseconds = int(INTERVAL * 1e9)
    spec = struct.pack("4q", 0, nanoseconds, 0, nanoseconds)
    syscalls.check(libc.timer_settime(timer, 0, spec, None), "timer_settime")
    while True:
        signal.pause()


WITNESSES = (
    Witness("clocks", clocks),
    Witness("timerfd", timerfd),
    Witness("signal-timers", signals),
)
