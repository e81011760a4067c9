"""System calls that Python's standard library lacks, through ctypes."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
from typing import Any

from hibtest.linux.syscalls import number

LIBC = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> int:
    """Return the result of a C function, or raise its errno.

    :raise OSError: When the result is negative; ``what`` is in its message.
    """
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result


def address(area: mmap.mmap) -> int:
    """Return the address at which an area is mapped (read-write mappings only)."""
    return ctypes.addressof(ctypes.c_char.from_buffer(area))


def mlock(area: mmap.mmap) -> None:
    """Lock an area in memory."""
    check(LIBC.mlock(ctypes.c_void_p(address(area)), ctypes.c_size_t(len(area))), "mlock")


def mincore(area: mmap.mmap) -> int:
    """Return how many pages of an area are in memory."""
    pages = (len(area) + mmap.PAGESIZE - 1) // mmap.PAGESIZE
    vector = (ctypes.c_ubyte * pages)()
    start = ctypes.c_void_p(address(area))
    check(LIBC.mincore(start, ctypes.c_size_t(len(area)), vector), "mincore")
    return sum(byte & 1 for byte in vector)


def syscall(name: str, *arguments: Any) -> int:
    """Make a system call that the C library has no function for.

    :raise OSError: When the kernel refuses; ``name`` is in its message.
    """
    longs = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return check(LIBC.syscall(ctypes.c_long(number(name)), *longs), name)


def die_with_parent(parent: int) -> None:
    """Have this process killed when its parent ends (prctl(2), PR_SET_PDEATHSIG)."""
    check(LIBC.prctl(1, signal.SIGKILL), "prctl")
    if os.getppid() != parent:
        os._exit(1)  # it ended before it could be asked for


def kernel_log() -> str:
    """Return the kernel's log as far as it is kept, each line with its ``<level>`` (syslog(2)).

    :raise OSError: When it may not be read.
    """
    read_all, size_of_buffer = 3, 10
    size = check(LIBC.klogctl(size_of_buffer, None, 0), "klogctl")
    buffer = ctypes.create_string_buffer(size)
    length = check(LIBC.klogctl(read_all, buffer, size), "klogctl")
    return buffer.raw[:length].decode(errors="replace")
