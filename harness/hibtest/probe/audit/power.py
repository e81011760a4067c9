"""Exercises of power management itself: its files, and /dev/snapshot."""

from __future__ import annotations

import os
import re
from pathlib import Path

from hibtest.probe import procfs
from hibtest.probe.audit.exercise import Exercise
from hibtest.probe.base import Facts, Failed, Lacking

POWER = Path("/sys/power")
# Reading some of these has effects, and others change by themselves.
FILES = (
    "state",
    "disk",
    "image_size",
    "reserved_size",
    "resume",
    "resume_offset",
    "mem_sleep",
    "pm_async",
    "pm_freeze_timeout",
    "pm_test",
    "pm_print_times",
    "pm_debug_messages",
    "sync_on_suspend",
    "freeze_filesystems",
    "hibernate_compression_threads",
)


def state() -> Facts:
    """Return ``{"files": {name: text}, "failures": {name: count}}``."""
    texts = {name: procfs.read_or(POWER / name, "") for name in FILES}
    # Which mode is selected is what the last hibernation asked for.
    files = {name: re.sub(r"[\[\]]", "", text) for name, text in texts.items() if text}
    return {"files": files, "failures": failures()}


def failures() -> dict[str, int]:
    """Return how often each step of suspending failed."""
    stats = POWER / "suspend_stats"
    try:
        names = [entry.name for entry in os.scandir(stats) if entry.name.startswith("fail")]
    except OSError:
        return {}
    counts = {name: procfs.number(stats / name) for name in names}
    return {name: count for name, count in counts.items() if count is not None}


def settings(recorded: Facts) -> str:
    """Compare the files in /sys/power with before; the kernel offers to hibernate."""
    was, now = recorded["power"]["files"], state()["files"]
    wrong = [
        f"{k} was {was.get(k)!r}, is {now.get(k)!r}" for k in FILES if was.get(k) != now.get(k)
    ]
    if "disk" not in now.get("state", "").split():
        wrong.append("state does not offer disk")
    if wrong:
        raise Failed("; ".join(wrong))
    return f"{len(now)} files are as before"


def statistics(recorded: Facts) -> str:
    """Compare the counts of failed steps with before."""
    was, now = recorded["power"]["failures"], failures()
    if not now:
        raise Lacking("no /sys/power/suspend_stats")
    grown = [
        f"{name} from {was.get(name, 0)} to {n}" for name, n in now.items() if n > was.get(name, 0)
    ]
    if grown:
        raise Failed(f"failures were counted: {', '.join(grown)}")
    return "no failure was counted"


def wakeup_count() -> str:
    """Read the count of wakeup events, which waits for those that are in progress."""
    return f"{int(procfs.need(POWER / 'wakeup_count'))} wakeup events"


def snapshot_device() -> str:
    """Open /dev/snapshot as a hibernation would, and close it again."""
    try:
        fd = os.open("/dev/snapshot", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise Lacking("no /dev/snapshot (CONFIG_HIBERNATION_SNAPSHOT_DEV)") from error
    os.close(fd)
    return "opened and closed"


def exercises(recorded: Facts) -> tuple[Exercise, ...]:
    """Return the exercises of power management; the last one runs the PM notifiers itself."""
    snapshot = "hibernate_release, unlock_system_sleep (kernel/power)"
    return (
        Exercise("power-settings", "hibernate (kernel/power)", lambda: settings(recorded)),
        Exercise("power-statistics", "dpm_save_failed_step", lambda: statistics(recorded)),
        Exercise("wakeup-count", "pm_wakeup_clear (drivers/base/power)", wakeup_count),
        Exercise("snapshot-device", snapshot, snapshot_device),
    )
