"""Lines of logs that were never recorded here: made of the formats in the kernel's sources.

Each is the smallest log of its kind. Where its lines come from, in 6.1 to 7.3, stands beside it.
"""

BEGINS = "[   33.1] hibtest: hibernate platform begins"
ENTRY = "[   33.2] PM: hibernation: hibernation entry"
EXIT = "[   34.5] PM: hibernation: hibernation exit"
TRIES = "hibtest: resume /dev/disk/by-id/virtio-swap 254:16 offset 0"
CAME_BACK = ("hibtest: resume came back", "hibtest: ready 4.00")


def comes_back(number: int, name: str) -> str:
    """Return what the guest says when the order to hibernate came back."""
    return f"[   34.6] hibtest: hibernate platform returned {number} {name} so it is (state)"


# pm_dev_err(), drivers/base/power/main.c; load_image_and_restore() and software_resume(),
# kernel/power/hibernate.c
NO_QUIESCE = (
    TRIES,
    "[    1.0] PM: hibernation: resume from hibernation",
    "[    2.0] PM: Image loading done",
    "[    2.1] gpu 0000:01:00.0: PM: failed to quiesce async: error -5",
    "[    2.2] PM: hibernation: Failed to load image, recovering.",
    "[    2.3] PM: hibernation: resume failed (-5)",
    *CAME_BACK,
)
# swsusp_check(), kernel/power/swap.c
HARDWARE_SIGNATURE = (
    TRIES,
    (
        "[    1.0] PM: Suspend image hardware signature mismatch (1a2b3c4d now 5e6f7081); "
        "aborting resume."
    ),
    *CAME_BACK,
)
# pm_dev_err(), drivers/base/power/main.c
NO_FREEZE = (
    BEGINS,
    ENTRY,
    "[   34.3] Freezing remaining freezable tasks completed (elapsed 0.002 seconds)",
    "[   34.4] virtio_mem virtio5: PM: failed to freeze: error -1",
    EXIT,
    comes_back(1, "EPERM"),
)
# try_to_freeze_tasks(), kernel/power/process.c; sched_show_task(), kernel/sched/core.c
_TRACE = (
    "[   54.3] Call Trace:",
    "[   54.3]  <TASK>",
    "[   54.3]  __schedule+0x4ea/0xbe0",
    "[   54.3]  schedule+0x27/0xc0",
    "[   54.3]  ? __pfx_autoremove_wake_function+0x10/0x10",
    "[   54.3]  request_wait_answer+0x14d/0x210 [fuse]",
    "[   54.3]  fuse_simple_request+0x1c1/0x320 [fuse]",
    "[   54.3]  </TASK>",
)
TASKS = (
    BEGINS,
    ENTRY,
    "[   34.2] Freezing user space processes",
    (
        "[   54.3] Freezing user space processes failed after 20.002 seconds "
        "(5 tasks refusing to freeze, wq_busy=0):"
    ),
    *(
        line
        for pid in range(811, 816)
        for line in (
            (
                f"[   54.3] task:writer {pid - 810}        state:D stack:0     pid:{pid}   "
                "tgid:811   ppid:1      flags:0x00004006"
            ),
            *_TRACE,
        )
    ),
    EXIT,
    comes_back(16, "EBUSY"),
)
# try_to_freeze_tasks(), kernel/power/process.c; show_one_workqueue(), kernel/workqueue.c
WORK = (
    BEGINS,
    ENTRY,
    (
        "[   54.3] Freezing remaining freezable tasks failed after 20.004 seconds "
        "(0 tasks refusing to freeze, wq_busy=1):"
    ),
    "[   54.3] Showing freezable workqueues that are still busy:",
    "[   54.3] workqueue loop0: flags=0xc",
    "[   54.3]   pwq 8: cpus=0-1 flags=0x4 nice=0 active=1 refcnt=2",
    "[   54.3]     in-flight: 71:loop_rootcg_workfn [loop]",
    EXIT,
    comes_back(16, "EBUSY"),
)
# the same, with pm_wakeup_pending(), drivers/base/power/wakeup.c
ABORTED = (
    BEGINS,
    ENTRY,
    (
        "[   34.3] Freezing user space processes aborted after 0.011 seconds "
        "(3 tasks refusing to freeze, wq_busy=0):"
    ),
    EXIT,
    comes_back(16, "EBUSY"),
)
# freeze_secondary_cpus(), kernel/cpu.c
WOKEN = (
    BEGINS,
    ENTRY,
    "[   34.3] Disabling non-boot CPUs ...",
    "[   34.3] Wakeup pending. Abort CPU freeze",
    "[   34.3] Non-boot CPUs are not disabled",
    EXIT,
    comes_back(16, "EBUSY"),
)
CPU_STAYS = (
    BEGINS,
    ENTRY,
    "[   34.3] Disabling non-boot CPUs ...",
    "[   34.3] Error taking CPU1 down: -16",
    EXIT,
    comes_back(16, "EBUSY"),
)
# swsusp_swap_check() in get_swap_writer(), kernel/power/swap.c
NO_SWAP = (
    BEGINS,
    ENTRY,
    "[   34.4] PM: Cannot find swap device, try swapon -a",
    "[   34.4] PM: Cannot get swap writer",
    EXIT,
    comes_back(19, "ENODEV"),
)
# hibernate_preallocate_memory(), kernel/power/snapshot.c
NO_MEMORY = (
    BEGINS,
    ENTRY,
    "[   34.4] PM: hibernation: Preallocating image memory",
    "[   34.4] PM: hibernation: Image allocation is 12345 pages short",
    EXIT,
    comes_back(12, "ENOMEM"),
)
# lockdown_is_locked_down(), security/lockdown/lockdown.c
LOCKED_DOWN = (
    BEGINS,
    "[   34.3] Lockdown: python3: hibernation is restricted; see man kernel_lockdown.7",
    comes_back(1, "EPERM"),
)
# dpm_prepare(), drivers/base/power/main.c
UNPREPARED = (
    BEGINS,
    ENTRY,
    "[   34.4] virtio_mem virtio5: PM: not prepared for power transition: code -16",
    EXIT,
    comes_back(16, "EBUSY"),
)
# hibernation_platform_enter() and power_down(), kernel/power/hibernate.c: write(2) returns 0
ROLLED_BACK = (
    BEGINS,
    ENTRY,
    "[   34.2] PM: S|",
    "[   34.3] btintel_pcie 0000:00:14.7: PM: failed to hibernate async: error -16",
    "[   34.4] PM: hibernation: Wakeup event detected during hibernation, rolling back.",
    EXIT,
    comes_back(0, "OK"),
)
