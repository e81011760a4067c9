"""Threads that wait in the kernel while the snapshot is made, each in another system call."""

from __future__ import annotations

import _thread
import ctypes
import errno
import os
import struct
import time
from collections.abc import Callable
from typing import NamedTuple

from hibtest.linux import syscalls as numbers
from hibtest.probe import procfs, shared, syscalls
from hibtest.probe.base import Facts, Planted, Witness
from hibtest.probe.detached import child
from hibtest.probe.procfs import identity

FUTEX_WAIT, FUTEX_WAKE = 0, 1
POLLIN = 1
# Enough for a thread that waits; the usual 8 MiB each would be address space for nothing.
STACK = 256 << 10
# Words of shared memory for each waiter: rounds that ended, rounds that ended with EINTR, the
# errno of any other failure; behind them all, the futex.
WORDS = 3
NAMES = ("nanosleep", "futex", "epoll_wait", "poll", "read")
PLACES = range(0, WORDS * len(NAMES), WORDS)


class Waits(NamedTuple):
    """What the waiters wait for.

    :ivar words: Their results, and the futex, its last word.
    :ivar pipes: (read, write) for epoll_wait, poll and read, in this order.
    """

    words: shared.Words
    pipes: list[tuple[int, int]]


def waiters() -> Planted:
    """A process with a thread in each of nanosleep, futex, epoll_wait, poll and read.

    Planted: ``{"pid", "starttime"}``. Found: the same, and ``"waits": {name: {"rounds",
    "eintr", "errno", "woke"}}``: how often the call ended, how often with EINTR (which the
    freezer may cause: a fact, no fault), and whether it ended within 2 s of being woken now.
    """
    words = shared.Words(WORDS * len(NAMES) + 1)
    waits = Waits(words, [os.pipe() for _ in range(3)])
    pid = child(lambda: wait_in_all(waits))
    before: list[int] = []

    def ask() -> None:
        before[:] = [words[at] for at in PLACES]
        for name in NAMES:
            wake(waits, name)

    def look() -> Facts:
        return {**identity(pid), "waits": woken(words, before)}

    return Planted(identity(pid), look, ask)


def woken(words: shared.Words, before: list[int]) -> dict[str, Facts]:
    """Wait for all; return what became of each.

    :param before: The rounds that each had done when it was woken.
    """

    def woke() -> list[bool]:
        return [words[at] > rounds for at, rounds in zip(PLACES, before)]  # noqa: B905 (3.9)

    procfs.wait_for(lambda: all(woke()), 2)
    found = zip(NAMES, PLACES, before, woke())  # noqa: B905 (3.9)
    return {
        name: {"rounds": rounds, "eintr": words[at + 1], "errno": words[at + 2], "woke": awake}
        for name, at, rounds, awake in found
    }


def wake(waits: Waits, name: str) -> None:
    if name == "futex":
        waits.words.add(len(NAMES) * WORDS)
        futex(waits, FUTEX_WAKE, 1)
    elif name != "nanosleep":  # which ends by itself
        os.write(waits.pipes[NAMES.index(name) - 2][1], b"!")


def futex(waits: Waits, operation: int, value: int) -> int:
    word = ctypes.c_void_p(waits.words.address(len(NAMES) * WORDS))
    call, operation_ = ctypes.c_long(numbers.number("futex")), ctypes.c_int(operation)
    return int(syscalls.LIBC.syscall(call, word, operation_, ctypes.c_uint(value), None, None, 0))


def wait_in_all(waits: Waits) -> None:
    calls = (nanosleep, in_futex(waits), in_epoll(waits), in_poll(waits), in_read(waits))
    _thread.stack_size(STACK)
    for number, call in list(enumerate(calls))[1:]:
        _thread.start_new_thread(rounds, (waits.words, number * WORDS, call))
    rounds(waits.words, 0, calls[0])


def rounds(words: shared.Words, at: int, call: Callable[[], int]) -> None:
    """Wait again and again, and keep count: by ctypes, for Python would hide EINTR."""
    while True:
        if call() >= 0:
            words.add(at)
            continue
        number = ctypes.get_errno()
        if number == errno.EAGAIN:  # a futex that was woken before it waited
            words.add(at)
        elif number == errno.EINTR:
            words.add(at + 1)
        else:
            words[at + 2] = number
            time.sleep(1)


def nanosleep() -> int:
    return int(syscalls.LIBC.nanosleep(struct.pack("2q", 0, 50_000_000), None))


def in_futex(waits: Waits) -> Callable[[], int]:
    seen = 0  # as planted: whoever changes it meanwhile is not missed

    def call() -> int:
        nonlocal seen
        result = futex(waits, FUTEX_WAIT, seen)
        seen = waits.words[len(NAMES) * WORDS] & 0xFFFFFFFF
        return result

    return call


def in_epoll(waits: Waits) -> Callable[[], int]:
    reader = waits.pipes[0][0]
    epoll = syscalls.check(syscalls.LIBC.epoll_create1(os.O_CLOEXEC), "epoll_create1")
    # struct epoll_event is packed on x86_64.
    event = struct.pack("<IQ", POLLIN, reader)
    syscalls.check(syscalls.LIBC.epoll_ctl(epoll, 1, reader, event), "epoll_ctl")
    found = ctypes.create_string_buffer(12)

    def call() -> int:
        result = int(syscalls.LIBC.epoll_wait(epoll, found, 1, -1))
        return took(reader, result)

    return call


def in_poll(waits: Waits) -> Callable[[], int]:
    reader = waits.pipes[1][0]

    def call() -> int:
        asked = ctypes.create_string_buffer(struct.pack("ihh", reader, POLLIN, 0))
        return took(reader, int(syscalls.LIBC.poll(asked, ctypes.c_ulong(1), -1)))

    return call


def took(reader: int, result: int) -> int:
    if result > 0:
        os.read(reader, 1)
    return result


def in_read(waits: Waits) -> Callable[[], int]:
    reader = waits.pipes[2][0]
    byte = ctypes.create_string_buffer(1)
    return lambda: int(syscalls.LIBC.read(reader, byte, 1))


WITNESSES = (Witness("waiters", waiters),)
