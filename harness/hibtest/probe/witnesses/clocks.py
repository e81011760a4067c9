"""Witnesses of time: clocks, and timers that run across the snapshot."""

from __future__ import annotations

import ctypes
import os
import re
import select
import signal
import struct
import time

from hibtest.probe import procfs, shared, syscalls
from hibtest.probe.base import Facts, Lacking, Planted, Witness
from hibtest.probe.detached import child

INTERVAL = 0.02
HOUR = 3600.0
# What setitimer(2), timer_create(2) and timerfd_create(2) have the kernel call (kernel/time/ and
# fs/timerfd.c, 6.1 to 7.3).
PENDING = ("it_real_fn", "posix_timer_fn", "timerfd_tmrproc")
# What the clocksource watchdog says when the time between two of its own readings, not the clock,
# was out of bounds: cs_watchdog_read(), kernel/time/clocksource.c, 6.1 and 6.12. <4>: the kernel
# itself, at KERN_WARNING; what a process writes into the log has another facility.
_DELAYED = re.compile(
    r"^<4>.*clocksource: .*read-back delay of .*marking (?:\S+ )?unstable", re.MULTILINE
)


def clocks() -> Planted:
    """The clocks, in seconds, and the clock source.

    Planted and found: ``{"monotonic", "boottime", "realtime", "process", "source"}``. Found, when
    the source is another: ``"delayed"``, whether the kernel says that it gave the old one up
    because the CPU had to wait between two readings, which a busy host makes an emulated one do.
    """
    planted = read_clocks()

    def look() -> Facts:
        found = read_clocks()
        if found["source"] == planted["source"]:
            return found
        return {**found, "delayed": delayed(syscalls.kernel_log())}

    return Planted(planted, look)


def delayed(log: str) -> bool:
    """Return whether a clock source was given up for the time that reading it took.

    :param log: The kernel's log, each line with its ``<level>``.
    """
    return _DELAYED.search(log) is not None


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
    fd = make_timerfd(INTERVAL)

    def look() -> Facts:
        expirations = struct.unpack("Q", os.read(fd, 8))[0] if readable(fd, 1) else 0
        return {"interval": interval(fd), "expirations": expirations, "ticks": readable(fd, 1)}

    return Planted({"interval": interval(fd)}, look)


def make_timerfd(seconds: float) -> int:
    """Return a timerfd that expires at this interval."""
    libc = syscalls.LIBC
    flags = os.O_CLOEXEC | os.O_NONBLOCK
    fd = syscalls.check(libc.timerfd_create(time.CLOCK_MONOTONIC, flags), "timerfd_create")
    syscalls.check(libc.timerfd_settime(fd, 0, timerspec(seconds), None), "timerfd_settime")
    return int(fd)


def timerspec(seconds: float) -> bytes:
    """Return a struct itimerspec: this interval, which has just begun."""
    whole, part = int(seconds), int(seconds % 1 * 1e9)
    return struct.pack("4q", whole, part, whole, part)


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
    arm(INTERVAL)
    while True:
        signal.pause()


def arm(seconds: float) -> None:
    """Arm both kinds of timers that send signals, with this interval."""
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    # struct sigevent: value, signal number, SIGEV_SIGNAL (0), padding to 64 bytes.
    event = struct.pack("qii48x", 0, int(signal.SIGRTMIN), 0)
    timer = ctypes.c_void_p()
    libc = syscalls.LIBC
    created = libc.timer_create(time.CLOCK_MONOTONIC, event, ctypes.byref(timer))
    syscalls.check(created, "timer_create")
    spec = timerspec(seconds)
    syscalls.check(libc.timer_settime(timer, 0, spec, None), "timer_settime")


def pending() -> Planted:
    """Timers that do not expire for an hour, as the kernel lists them.

    One that is lost in a snapshot shows nowhere else: one that expires often has a signal
    pending when its process is frozen, and is armed anew when that is delivered; a timerfd that
    has expired is armed anew when it is read.

    Planted and found: ``{"pid", "timers": [[function, expires]]}``: the kernel functions that
    they call, and when, in nanoseconds of the monotonic clock.
    """
    if not os.access("/proc/timer_list", os.R_OK):
        raise Lacking("no /proc/timer_list")
    before = listed()

    def wait() -> None:
        arm(HOUR)
        make_timerfd(HOUR)
        while True:
            signal.pause()

    def ours() -> list[list[str]]:
        late = (time.monotonic() + HOUR / 2) * 1e9
        return [t for t in listed() if t not in before and int(t[1]) > late]

    pid = child(wait)
    procfs.wait_for(lambda: len(ours()) == len(PENDING), 2)
    planted = ours()

    def look() -> Facts:
        # The kernel lists timers one by one and may leave out one that moves to another CPU
        # meanwhile (print_active_timers(), kernel/time/timer_list.c): any reading counts.
        seen: list[list[str]] = []

        def all_seen() -> bool:
            seen.extend(timer for timer in listed() if timer in planted and timer not in seen)
            return len(seen) == len(planted)

        procfs.wait_for(all_seen, 1)
        return {"pid": pid, "timers": [timer for timer in planted if timer in seen]}

    return Planted({"pid": pid, "timers": planted}, look)


def listed() -> list[list[str]]:
    """Return [function, expires] of the timers in /proc/timer_list that send signals."""
    text = procfs.read("/proc/timer_list")
    # print_timer(), kernel/time/timer_list.c: name and state, then a line with the times.
    pattern = rf", ({'|'.join(PENDING)}), S:\S+\s+# expires at (\d+)-"
    return sorted([name, expires] for name, expires in re.findall(pattern, text))


WITNESSES = (
    Witness("clocks", clocks),
    Witness("timerfd", timerfd),
    Witness("pending-timers", pending),
    Witness("signal-timers", signals),
)
