"""What the kernel says of a hibernation that it will not go on with, by the errno that follows.

PATTERNS are the kernel's own lines, with where they come from (6.1 to 7.3); of tasks and devices
:mod:`~hibtest.story.tasks` and :mod:`~hibtest.story.devices` know.
"""

import errno

from hibtest.story.pattern import line

ROLLED_BACK = "rolled-back"
# Where each line comes from, and what write(2) returns after it when nobody has seen that.
_SAID = (
    # lockdown_is_locked_down(), security/lockdown/lockdown.c
    ("locked-down", r"Lockdown: .*: hibernation is restricted", errno.EPERM),
    # hibernate() and software_resume(), kernel/power/hibernate.c, since 6.9
    ("no-compressor", r"PM: hibernation: \S+ compression is not available", errno.EOPNOTSUPP),
    # swsusp_save(), kernel/power/snapshot.c, and hibernate_preallocate_memory()
    ("no-memory", r"PM: hibernation: Memory allocation failed", errno.ENOMEM),
    (
        "no-memory",
        r"PM: hibernation: (Image allocation is \d+ pages short|Not enough free memory)",
        errno.ENOMEM,
    ),
    # swsusp_write(), mark_swapfiles() and get_swap_writer(), kernel/power/swap.c
    ("no-swap", r"PM: (Cannot find swap device|Swap header not found)", errno.ENODEV),
    ("no-swap-space", r"PM: Not enough free swap", errno.ENOSPC),
    ("compression", r"PM: \S+ compression failed", errno.EIO),
    # hib_end_io(), kernel/power/swap.c
    ("swap-error", r"PM: (hibernation: )?(Write|Read)-error on swap-device", errno.EIO),
    # freeze_secondary_cpus(), kernel/cpu.c; pm_wakeup_pending(), drivers/base/power/wakeup.c, says
    # it with pm_debug_messages only
    (
        "wake-up",
        r"Wakeup pending\. Abort CPU freeze|PM: Wakeup pending, aborting suspend",
        errno.EBUSY,
    ),
    # create_image(), kernel/power/hibernate.c: what came before it says more
    ("powered-down", r"PM: hibernation: Some (system )?devices failed to power down", errno.EIO),
    ("no-copy", r"PM: hibernation: Error -\d+ creating image", errno.EIO),
    # power_down(), kernel/power/hibernate.c: the image is taken back, and write(2) returns 0
    (ROLLED_BACK, r"PM: hibernation: Wakeup event detected during hibernation", 0),
)
PATTERNS = tuple(line(name, regex) for name, regex, _ in _SAID)
# The errno behind each of these marks; 0: none.
ERRNOS = {name: code for name, _, code in _SAID}
