"""What cases depend on and this kernel lacks: it is asked, since nobody may know how it was built.

What an option's code does is looked for, so that a command line that switches it off counts, too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from hibtest.linux.snapshot import DEVICE
from hibtest.probe import syscalls
from hibtest.probe.snapshotdev.server import said

LOCKED = "Kernel is locked down"  # lock_kernel_down(), security/lockdown/lockdown.c, 6.1 to 7.3
CPU1 = "/sys/devices/system/cpu/cpu1/online"
SYMBOLS = Path("/proc/kallsyms")


def hibernation() -> str:
    """A kernel that is locked down refuses it: security_locked_down(LOCKDOWN_HIBERNATION)."""
    kmsg = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return next((line for line in said(kmsg) if LOCKED in line), "")
    finally:
        os.close(kmsg)


def snapshot_device() -> str:
    return "" if Path(DEVICE).exists() else f"there is no {DEVICE}"


def secretmem() -> str:
    try:
        os.close(syscalls.syscall("memfd_secret", os.O_CLOEXEC))
    except OSError as error:
        return str(error.strerror)
    return ""


def hotplug_cpu() -> str:
    return "" if Path(CPU1).exists() else f"there is no {CPU1}"


def kallsyms() -> str:
    return "" if SYMBOLS.exists() else f"there is no {SYMBOLS}"


def bug() -> str:
    """Without it there is no report_bug() (lib/bug.c, 6.1 to 7.3); without symbols, who knows."""
    if not SYMBOLS.exists():
        return ""
    with os.fdopen(os.open(SYMBOLS, os.O_RDONLY | os.O_CLOEXEC), "rb") as lines:
        there = any(line.split()[2] == b"report_bug" for line in lines)
    return "" if there else "it has no report_bug()"


# Each returns what shows that the option is not there; nothing when it is.
ASKED: dict[str, Callable[[], str]] = {
    "HIBERNATION": hibernation,
    "HIBERNATION_SNAPSHOT_DEV": snapshot_device,
    "SECRETMEM": secretmem,
    "HOTPLUG_CPU": hotplug_cpu,
    "KALLSYMS": kallsyms,
    "BUG": bug,
}


def lacks() -> dict[str, str]:
    """Return which options this kernel lacks, and what shows it."""
    found = {option: ask() for option, ask in ASKED.items()}
    return {option: why for option, why in found.items() if why}
