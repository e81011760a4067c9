"""Witnesses of the system: mounts, swap, CPUs, settings, modules, interrupts, randomness."""

from __future__ import annotations

import os
import zlib

from hibtest.linux.swaps import parse
from hibtest.probe import procfs
from hibtest.probe.base import Facts, Planted, Witness, as_found

SETTINGS = (
    "/proc/cmdline",
    "/proc/version",
    "/proc/consoles",
    "/proc/mtrr",
    "/proc/sys/fs/file-max",
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/domainname",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/hung_task_timeout_secs",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/nmi_watchdog",
    "/proc/sys/kernel/panic",
    "/proc/sys/kernel/panic_on_oops",
    "/proc/sys/kernel/printk",
    "/proc/sys/kernel/randomize_va_space",
    "/proc/sys/kernel/soft_watchdog",
    "/proc/sys/kernel/sysrq",
    "/proc/sys/kernel/usermodehelper/bset",
    "/proc/sys/kernel/watchdog",
    "/proc/sys/kernel/watchdog_cpumask",
    "/proc/sys/kernel/watchdog_thresh",
    "/proc/sys/vm/min_free_kbytes",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/vm/swappiness",
    "/proc/sys/vm/user_reserve_kbytes",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/kernel/rcu_expedited",
    "/sys/kernel/rcu_normal",
)


@as_found
def mounts() -> Facts:
    """The mounts of the guest. Planted and found: ``{"mounts": lines of mountinfo}``."""
    return {"mounts": sorted(procfs.read("/proc/self/mountinfo").splitlines())}


@as_found
def swaps() -> Facts:
    """Areas of swap. Planted and found: ``{"areas": [[name, type, KiB, priority]]}``."""
    found = parse(procfs.read_or("/proc/swaps", "").encode())
    return {"areas": [[one.name, one.kind, one.size, one.priority] for one in found]}


@as_found
def cpus() -> Facts:
    """CPUs. Planted and found: ``{"online", "present", "possible", "described"}``.

    ``described`` is the CRC-32 of each CPU's features and identity in /proc/cpuinfo.
    """
    states = {name: sorted(procfs.cpus(name)) for name in ("online", "present", "possible")}
    texts = procfs.read("/proc/cpuinfo").split("\n\n")
    return {**states, "described": [describe(text) for text in texts]}


def describe(text: str) -> int:
    kept = ("processor", "vendor_id", "cpu family", "model", "stepping", "flags", "bugs", "apicid")
    return zlib.crc32("\n".join(x for x in text.splitlines() if x.startswith(kept)).encode())


@as_found
def settings() -> Facts:
    """Settings of the kernel. Planted and found: ``{path: text}``, ``None`` if not there."""
    return {path: procfs.read_or(path, None) for path in SETTINGS}


@as_found
def modules() -> Facts:
    """Loaded modules. Planted and found: ``{"modules": {name: state}}``."""
    lines = [line.split() for line in procfs.read_or("/proc/modules", "").splitlines()]
    return {"modules": {words[0]: words[4] for words in lines}}


@as_found
def interrupts() -> Facts:
    """Interrupts of devices. Planted and found: ``{"interrupts": {device: count}}``."""
    return {"interrupts": count(procfs.read("/proc/interrupts"))}


def count(table: str) -> dict[str, int]:
    """Return how many interrupts each device had, all CPUs together.

    >>> count("  CPU0 CPU1\\n 4: 1 2 IO-APIC 4-edge ttyS0\\nLOC: 5 5 Local timer interrupts")
    {'ttyS0': 3}
    """
    lines = table.splitlines()
    first = 1 + len(lines[0].split())
    counts: dict[str, int] = {}
    for line in lines[1:]:
        words = line.split()
        # Behind the counts: chip, trigger, and the devices that share the line.
        if words[0].rstrip(":").isdigit() and len(words) > first + 2:
            device = " ".join(words[first + 2 :])
            counts[device] = counts.get(device, 0) + sum(map(int, words[1:first]))
    return counts


def randomness() -> Planted:
    """Random numbers, which must not come twice. Planted and found: ``{"now", "earlier"}``."""
    earlier: list[str] = []

    def look() -> Facts:
        now = os.getrandom(16).hex()
        found = {"now": now, "earlier": list(earlier)}
        earlier.append(now)
        return found

    return Planted(look(), look)


WITNESSES = (
    Witness("mounts", mounts),
    Witness("swaps", swaps),
    Witness("cpus", cpus),
    Witness("settings", settings),
    Witness("modules", modules),
    Witness("interrupts", interrupts),
    Witness("randomness", randomness),
)
