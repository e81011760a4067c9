"""The kernel's own variables: what hibernation sets while it is going on, and must set back.

Read before and after, and compared. The table has the variables of 6.1, 6.12 and 7.3 alike; a
kernel that lacks one of them is asked for the others.
"""

from __future__ import annotations

from contextlib import closing
from typing import NamedTuple

from hibtest.probe import procfs
from hibtest.probe.audit.exercise import Exercise
from hibtest.probe.audit.symbols import Kcore
from hibtest.probe.base import RUN, Facts, Failed, Lacking
from hibtest.probe.hibernator import BY_AGENT


class Variable(NamedTuple):
    """A variable: its name, its size in bytes, who sets it, where in it the number begins."""

    name: str
    size: int
    covers: str
    offset: int = 0


VARIABLES = (
    Variable("hibernate_atomic", 4, "hibernate_acquire, hibernate_release"),
    Variable("in_suspend", 4, "hibernate"),
    Variable("entering_platform_hibernation", 1, "hibernation_platform_enter"),
    Variable("freezer_test_done", 1, "hibernate"),
    Variable("vt_switch_done", 1, "pm_prepare_console, pm_restore_console"),
    Variable("cpu_hotplug_disabled", 4, "cpu_hotplug_pm_callback (kernel/cpu.c)"),
    Variable("rcu_expedited_nesting", 4, "rcu_pm_notify (kernel/rcu/tree.c)"),
    Variable("rcu_async_hurry_nesting", 4, "rcu_pm_notify (kernel/rcu/tree.c)"),
    Variable("hung_detector_suspended", 1, "hungtask_pm_notify (kernel/hung_task.c)"),
    Variable("thermal_pm_suspended", 1, "thermal_pm_prepare, thermal_pm_complete"),
    # struct firmware_cache: a lock, a list, then the state (FW_LOADER_NO_CACHE is 0).
    Variable("fw_cache", 4, "fw_pm_notify (drivers/base/firmware_loader/main.c)", 24),
    Variable("hwrng_fillfn_stopped", 1, "hwrng_pm_notifier (drivers/char/hw_random/core.c)"),
    Variable("usermodehelper_disabled", 4, "usermodehelper_disable, usermodehelper_enable"),
    Variable("pm_freezing", 1, "freeze_processes, thaw_processes"),
    Variable("pm_nosig_freezing", 1, "freeze_kernel_threads, thaw_kernel_threads"),
    Variable("freezer_active", 4, "freeze_processes, thaw_processes (a static key)"),
    Variable("workqueue_freezing", 1, "freeze_workqueues_begin, thaw_workqueues"),
    Variable("oom_killer_disabled", 1, "oom_killer_disable, oom_killer_enable"),
    Variable("forbidden_pages_map", 8, "create_basic_memory_bitmaps, free_..."),
    Variable("free_pages_map", 8, "create_basic_memory_bitmaps, free_..."),
    Variable("nr_copy_pages", 4, "swsusp_save, swsusp_free"),
    Variable("nr_meta_pages", 4, "swsusp_save, swsusp_free"),
    Variable("nr_zero_pages", 4, "swsusp_save, swsusp_free"),
    Variable("restore_pblist", 8, "swsusp_free"),
    Variable("alloc_normal", 4, "hibernate_preallocate_memory, swsusp_free"),
    Variable("alloc_highmem", 4, "hibernate_preallocate_memory, swsusp_free"),
    Variable("gfp_allowed_mask", 4, "pm_restrict_gfp_mask, pm_restore_gfp_mask"),
    Variable("saved_gfp_mask", 4, "pm_restrict_gfp_mask, pm_restore_gfp_mask"),
    Variable("saved_gfp_count", 4, "pm_restrict_gfp_mask, pm_restore_gfp_mask"),
    Variable("console_suspended", 4, "suspend_console, resume_console"),
    Variable("defer_all_probes", 1, "device_block_probing, device_unblock_probing"),
    Variable("cpufreq_suspended", 1, "cpufreq_suspend, cpufreq_resume"),
    Variable("events_check_enabled", 1, "create_image"),
    Variable("acpi_target_sleep_state", 4, "acpi_pm_start, acpi_pm_end"),
    Variable("system_state", 4, "create_image"),
    Variable("timekeeping_suspended", 4, "timekeeping_suspend, timekeeping_resume"),
)

# Mutexes that hibernate() and its notifiers take; the owner is the first word of struct mutex.
MUTEXES = (
    Variable("system_transition_mutex", 8, "lock_system_sleep, unlock_system_sleep"),
    Variable("device_hotplug_lock", 8, "lock_device_hotplug, unlock_device_hotplug"),
    Variable("dpm_list_mtx", 8, "dpm_suspend, dpm_resume"),
    Variable("acpi_scan_lock", 8, "acpi_pm_start, acpi_pm_end"),
    Variable("cpu_add_remove_lock", 8, "pm_sleep_disable_secondary_cpus"),
    Variable("vt_switch_mutex", 8, "pm_prepare_console"),
    Variable("fw_lock", 8, "fw_pm_notify"),
    Variable("rng_mutex", 8, "hwrng_pm_notifier"),
)
# An image that was made through /dev/snapshot and given up leaves it at 1; whoever reads it has
# set it before: create_image() (kernel/power/user.c and hibernate.c, 6.1 to 7.3).
_LEFT_BY_SNAPSHOT_DEVICE = frozenset({"in_suspend"})
NAMES = tuple(variable.name for variable in (*VARIABLES, *MUTEXES))


def values(addresses: dict[str, list[int]]) -> Facts:
    """Return ``{name: [value, ...]}`` of all variables that have an address."""
    with closing(Kcore()) as kcore:
        return {
            v.name: [kcore.read(address + v.offset, v.size) for address in addresses[v.name]]
            for v in VARIABLES
            if addresses.get(v.name)
        }


def exercise(recorded: Facts) -> str:
    """Compare the kernel's variables with those before.

    :raise Failed: When one differs; all that do are named.
    """
    was, addresses = recorded["variables"], recorded["addresses"]
    if not was:
        raise Lacking(recorded["variables_lacking"])
    now = values(addresses)
    untold = _LEFT_BY_SNAPSHOT_DEVICE if (RUN / BY_AGENT).exists() else frozenset()
    wrong = [
        f"{v.name} was {show(was[v.name])}, is {show(now[v.name])} ({v.covers})"
        for v in VARIABLES
        if v.name in was and was[v.name] != now[v.name] and v.name not in untold
    ]
    if wrong:
        raise Failed("; ".join(wrong))
    return f"{len(now)} variables are as before"


def show(numbers: list[int]) -> str:
    return ", ".join(f"{number:#x}" for number in numbers)


def free_mutexes(recorded: Facts) -> str:
    """See that the mutexes are free, or become so within 2 s.

    :raise Failed: When one stays locked.
    """
    addresses = recorded["addresses"]
    if not addresses:
        raise Lacking(recorded["variables_lacking"])
    with closing(Kcore()) as kcore:
        there = [v for v in MUTEXES if addresses.get(v.name)]
        held = [v for v in there if not becomes_free(kcore, addresses[v.name])]
    if held:
        raise Failed("; ".join(f"{v.name} is held ({v.covers})" for v in held))
    return f"{len(there)} mutexes are free"


def becomes_free(kcore: Kcore, addresses: list[int]) -> bool:
    return procfs.wait_for(lambda: not any(kcore.read(at, 8) & ~7 for at in addresses), 2)


def exercises(recorded: Facts) -> tuple[Exercise, ...]:
    """Return the exercises of the kernel's variables."""
    return (
        Exercise("kernel-variables", "see the table", lambda: exercise(recorded)),
        Exercise("mutexes", "see the table", lambda: free_mutexes(recorded)),
    )
