"""Who may open /dev/snapshot, and what it answers when nothing has been done yet."""

from hibtest.snapshotdev.case import Case, Per

USER = "kernel/power/user.c"
STATE, DISK = "/sys/power/state", "/sys/power/disk"
CPU1 = "/sys/devices/system/cpu/cpu1/online"

# 0x3303 and 0x330a were once in use; 0x330d, 0x3311, 0x3314 lack direction and size.
UNKNOWN = "0x3300 0x3303 0x330a 0x330d 0x3311 0x3314 0x3315 0x33ff 0x3401".split()  # noqa: SIM905

CASES = (
    Case(
        name="barred-by-nohibernate",
        source="hibernation_available(), kernel/power/hibernate.c",
        append=("nohibernate",),
        steps=(
            ("open r", "EPERM"),
            ("open w", "EPERM"),
            ("open rw", "EPERM"),
            (f"see {STATE}", "freeze mem"),
            (f"see {DISK}", "[disabled]"),
        ),
    ),
    Case(
        # Any process can; 6.1 has memfd_secret(2) only with secretmem.enable=1.
        name="barred-by-memfd-secret",
        source="secretmem_active(), mm/secretmem.c",
        steps=(
            ("secret", Per({"6.1": "ENOSYS", "6.12": 0})),
            ("open r", Per({"6.1": 0, "6.12": "EPERM"})),
            ("open w", Per({"6.1": "EBUSY", "6.12": "EPERM"})),
            (f"see {STATE}", Per({"6.1": "freeze mem disk", "6.12": "freeze mem"})),
            ("forget", 0),
            ("close", Per({"6.1": 0, "6.12": "EBADF"})),
            ("open r", 0),
            (f"see {STATE}", "freeze mem disk"),
        ),
    ),
    Case(
        # It is looked at when the device is opened, never again.
        name="memfd-secret-after-open",
        source="secretmem_active(), mm/secretmem.c",
        steps=(
            ("open r", 0),
            ("secret", Per({"6.1": "ENOSYS", "6.12": 0})),
            ("FREEZE", 0),
            ("CREATE_IMAGE", 1),
            ("FREE", 0),
            ("UNFREEZE", 0),
        ),
    ),
    Case(
        name="open-modes",
        source=f"snapshot_open(), {USER}",
        steps=(
            ("open rw", "ENOSYS"),
            ("open r", 0),
            ("open r", "EBUSY"),
            ("open w", "EBUSY"),
            ("open rw", "EBUSY"),
            ("close", 0),
            ("open w", 0),
            ("open r", "EBUSY"),
            ("open w", "EBUSY"),
            ("close", 0),
            ("open r", 0),
        ),
    ),
    Case(
        # hibernate_acquire(); the notifiers of PM_HIBERNATION_PREPARE disable CPU hotplug, those
        # of PM_RESTORE_PREPARE do not (cpu_hotplug_pm_callback(), kernel/cpu.c).
        name="barred-while-open",
        source=f"snapshot_open(), {USER}; hibernate(), kernel/power/hibernate.c",
        steps=(
            ("open r", 0),
            (f"put {STATE} disk", "EBUSY"),
            (f"put {CPU1} 0", "EBUSY"),
            ("close", 0),
            (f"put {CPU1} 0", 0),
            (f"put {CPU1} 1", 0),
            ("open w", 0),
            (f"put {STATE} disk", "EBUSY"),
            (f"put {CPU1} 0", 0),
            (f"put {CPU1} 1", 0),
        ),
    ),
    Case(
        # The capability is asked for by ioctl(2) alone, after the number has been looked at.
        name="no-capability",
        source=f"snapshot_ioctl(), {USER}",
        steps=(
            ("renounce", 0),
            ("open r", 0),
            ("read 4096", "ENODATA"),
            ("ioctl 0x3315", "ENOTTY"),
            ("ioctl 0x3401", "ENOTTY"),
            ("ioctl 0x3300", "EPERM"),
            ("FREEZE", "EPERM"),
            ("UNFREEZE", "EPERM"),
            ("CREATE_IMAGE", "EPERM"),
            ("ATOMIC_RESTORE", "EPERM"),
            ("FREE", "EPERM"),
            ("FREE_SWAP_PAGES", "EPERM"),
            ("S2RAM", "EPERM"),
            ("SET_SWAP_AREA swap 0", "EPERM"),
            ("GET_IMAGE_SIZE", "EPERM"),
            ("PLATFORM_SUPPORT 1", "EPERM"),
            ("POWER_OFF", "EPERM"),
            ("PREF_IMAGE_SIZE 0", "EPERM"),
            ("AVAIL_SWAP_SIZE", "EPERM"),
            ("ALLOC_SWAP_PAGE", "EPERM"),
        ),
    ),
    Case(
        name="unknown-ioctls",
        source=f"snapshot_ioctl(), {USER}",
        steps=(("open r", 0), *((f"ioctl {number}", "ENOTTY") for number in UNKNOWN)),
    ),
    Case(
        name="nothing-done-yet",
        source=f"snapshot_ioctl(), snapshot_read(), {USER}",
        steps=(
            ("open r", 0),
            ("UNFREEZE", 0),
            ("FREE", 0),
            ("CREATE_IMAGE", "EPERM"),
            ("ATOMIC_RESTORE", "EPERM"),
            ("S2RAM", "EPERM"),
            ("GET_IMAGE_SIZE", "ENODATA"),
            ("GET_IMAGE_SIZE NULL", "ENODATA"),
            ("read 4096", "ENODATA"),
            ("write zeros", "EBADF"),
            ("seek", "ESPIPE"),
            # without PLATFORM_SUPPORT 1 it does nothing and says that all is well
            ("POWER_OFF", 0),
            ("PLATFORM_SUPPORT 1", 0),
            ("PLATFORM_SUPPORT 0", 0),
            ("POWER_OFF", 0),
        ),
    ),
    Case(
        name="nothing-done-yet-for-writing",
        source=f"snapshot_ioctl(), {USER}",
        steps=(
            ("open w", 0),
            ("read 4096", "EBADF"),
            ("UNFREEZE", 0),
            ("FREE", 0),
            ("CREATE_IMAGE", "EPERM"),
            ("ATOMIC_RESTORE", "EPERM"),
            ("S2RAM", "EPERM"),
            ("GET_IMAGE_SIZE", "ENODATA"),
            ("POWER_OFF", 0),
            ("FREEZE", 0),
            ("CREATE_IMAGE", "EPERM"),
            ("ATOMIC_RESTORE", Per({"6.1": "EPERM", "7.3": "ENODATA"})),
            ("UNFREEZE", 0),
        ),
    ),
)
