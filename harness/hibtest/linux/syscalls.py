"""Numbers of the system calls that neither Python nor the C library makes for us.

arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h, which is aarch64's (6.1
to 7.3). From 424 on they are the same on all architectures.
"""

from __future__ import annotations

import errno
import os

NUMBERS = {
    "x86_64": {
        "capget": 125, "capset": 126, "clone": 56, "futex": 202, "membarrier": 324,
        "memfd_secret": 447, "perf_event_open": 298, "process_madvise": 440,
    },
    "aarch64": {
        "capget": 90, "capset": 91, "clone": 220, "futex": 98, "membarrier": 283,
        "memfd_secret": 447, "perf_event_open": 241, "process_madvise": 440,
    },
}  # fmt: skip


def number(name: str, machine: str = "") -> int:
    """Return the number of a system call.

    :param machine: As uname(2) names it; this machine's by default.
    :raise OSError: ENOSYS for an architecture, or a call, that is not in the table.
    """
    machine = machine or os.uname().machine
    try:
        return NUMBERS[machine][name]
    except KeyError as error:
        raise OSError(errno.ENOSYS, f"no number is known of {name} on {machine}") from error
