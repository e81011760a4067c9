"""Exercises of CPUs: hotplug, timers, interprocessor interrupts, RCU."""

from __future__ import annotations

import ctypes
import os
import struct
import time
from contextlib import suppress
from pathlib import Path

from hibtest.probe import procfs, syscalls
from hibtest.probe.audit.exercise import Exercise
from hibtest.probe.base import Failed, Lacking

MEMORY = "/sys/devices/system/memory"


def hotplug() -> str:
    """Take the last CPU offline and online again.

    Whoever is bound to it and wakes up meanwhile may run anywhere from then on
    (select_fallback_rq(), kernel/sched/core.c, 6.1 to 7.3), and is bound to it again afterwards: a
    witness that is looked at once more after another hibernation.
    """
    last = max(procfs.cpus())
    if last == 0:
        raise Lacking("there is one CPU only")
    online = f"/sys/devices/system/cpu/cpu{last}/online"
    procfs.need(online)
    bound = [task for task in tasks() if affinity(task) == {last}]
    procfs.write(online, "0")
    gone = last not in procfs.cpus()
    procfs.write(online, "1")
    for task in bound:
        if affinity(task) not in ({last}, set()):
            with suppress(OSError):  # it has ended, or is a thread of the kernel's own
                os.sched_setaffinity(task, {last})
    if not gone or last not in procfs.cpus():
        raise Failed(f"CPU {last} did not go offline and online: {sorted(procfs.cpus())}")
    return f"CPU {last} went offline and online"


def tasks() -> list[int]:
    """Return all threads of all processes."""
    names = [path.name for path in Path("/proc").glob("[0-9]*/task/[0-9]*")]
    return [int(name) for name in names]


def affinity(task: int) -> set[int]:
    """Return which CPUs a thread may run on; none when it has ended."""
    try:
        return os.sched_getaffinity(task)
    except OSError:
        return set()


def hotplug_lock() -> str:
    """Set a memory block online that is online: takes and gives back device_hotplug_lock."""
    blocks = [e.name for e in os.scandir(MEMORY)] if os.path.isdir(MEMORY) else []  # noqa: PTH112
    blocks = sorted(name for name in blocks if name.startswith("memory"))
    if not blocks:
        raise Lacking(f"no memory blocks in {MEMORY} (CONFIG_MEMORY_HOTPLUG)")
    try:
        procfs.write(f"{MEMORY}/{blocks[0]}/state", "online")
    except OSError:
        return f"{blocks[0]} was online already"
    return f"{blocks[0]} was set online"


def timers() -> str:
    """Sleep a moment on each CPU."""
    allowed = os.sched_getaffinity(0)
    try:
        for cpu in sorted(procfs.cpus()):
            os.sched_setaffinity(0, {cpu})
            start = time.monotonic()
            time.sleep(0.005)
            took = time.monotonic() - start
            if syscalls.LIBC.sched_getcpu() != cpu or took > 2:
                raise Failed(f"CPU {cpu}: a sleep of 0.005 s took {took:.3f} s")
    finally:
        os.sched_setaffinity(0, allowed)
    return f"slept on CPUs {sorted(procfs.cpus())}"


def interrupts() -> str:
    """Open a software event on each CPU: installed there by an interprocessor interrupt."""
    for cpu in sorted(procfs.cpus()):
        # struct perf_event_attr: type SOFTWARE, size, config CPU_CLOCK.
        attributes = ctypes.create_string_buffer(struct.pack("<IIQ", 1, 112, 0).ljust(112, b"\0"))
        arguments = (attributes, ctypes.c_int(-1), ctypes.c_int(cpu), ctypes.c_int(-1), 0)
        fd = syscalls.syscall("perf_event_open", *arguments)
        first = os.read(fd, 8)
        ok = procfs.wait_for(lambda fd=fd, first=first: os.read(fd, 8) != first, 2)  # type: ignore[misc]
        os.close(fd)
        if not ok:
            raise Failed(f"CPU {cpu}: its clock event stands still")
    return f"clock events count on CPUs {sorted(procfs.cpus())}"


def rcu() -> str:
    """Wait for a grace period of RCU on all CPUs."""
    syscalls.syscall("membarrier", 1, 0, 0)
    return "a grace period ended"


def each_cpu_work() -> str:
    """Run work on each CPU: stat_refresh is schedule_on_each_cpu()."""
    path = "/proc/sys/vm/stat_refresh"
    procfs.need(path) if not os.access(path, os.F_OK) else None
    procfs.write(path, "1")
    return "work ran on each CPU"


def code_patching() -> str:
    """Switch a static key of the scheduler and back: patches code under all CPUs."""
    path = "/proc/sys/kernel/sched_schedstats"
    was = procfs.need(path)
    procfs.write(path, "0" if was == "1" else "1")
    procfs.write(path, was)
    return f"sched_schedstats went from {was} and back"


EXERCISES = (
    Exercise("timers", "timekeeping_suspend, tick_resume (kernel/time)", timers),
    Exercise("ipi", "lapic_suspend, lapic_resume (arch/x86/kernel/apic)", interrupts),
    Exercise("rcu", "rcu_pm_notify (kernel/rcu/tree.c)", rcu),
    Exercise("work-on-each-cpu", "workqueue_offline_cpu, workqueue_online_cpu", each_cpu_work),
    Exercise("code-patching", "pm_sleep_enable_secondary_cpus", code_patching),
    Exercise("device-hotplug-lock", "lock_device_hotplug (drivers/base/core.c)", hotplug_lock),
    Exercise("cpu-hotplug", "cpu_hotplug_disable, cpu_hotplug_enable (kernel/cpu.c)", hotplug, 30),
)
