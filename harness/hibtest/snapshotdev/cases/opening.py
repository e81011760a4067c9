"""Who may open /dev/snapshot, and what it answers when nothing has been done yet."""

from hibtest.probe.snapshotdev.lacks import CPU1
from hibtest.snapshotdev.cases.parts import CPU1_OFF_AND_ON, NO_DATA_YET, USER, case

STATE, DISK = "/sys/power/state", "/sys/power/disk"
IOCTL = f"snapshot_ioctl(), {USER}"
SECRETMEM = "secretmem_active(), mm/secretmem.c"
# memfd_secret(2) is on by default since v6.5; before, with this word alone.
WITH_SECRETMEM = ("secretmem.enable=1",)

# 0x3303 and 0x330a were once in use; 0x330d, 0x3311, 0x3314 lack direction and size.
UNKNOWN = "0x3300 0x3303 0x330a 0x330d 0x3311 0x3314 0x3315 0x33ff 0x3401".split()  # noqa: SIM905

NOTHING_DONE = "UNFREEZE; FREE; CREATE_IMAGE = EPERM; ATOMIC_RESTORE = EPERM; S2RAM = EPERM"

CASES = (
    case(
        # Any process can.
        "barred-by-memfd-secret",
        SECRETMEM,
        f"lists {STATE} disk = yes; secret; open r = EPERM; open w = EPERM",
        f"lists {STATE} disk = no; see {DISK} = [disabled]",
        f"forget; open r; lists {STATE} disk = yes",
        append=WITH_SECRETMEM,
        needs=("SECRETMEM",),
    ),
    case(
        # It is looked at when the device is opened, never again.
        "memfd-secret-after-open",
        SECRETMEM,
        "open r; secret; FREEZE; CREATE_IMAGE = 1; FREE; UNFREEZE",
        append=WITH_SECRETMEM,
        needs=("SECRETMEM",),
    ),
    case(
        "barred-by-nohibernate",
        "hibernation_available(), kernel/power/hibernate.c",
        "open r = EPERM; open w = EPERM; open rw = EPERM",
        f"lists {STATE} disk = no; see {DISK} = [disabled]",
        append=("nohibernate",),
    ),
    case(
        "open-modes",
        f"snapshot_open(), {USER}",
        "open rw = ENOSYS",
        "open r; open r = EBUSY; open w = EBUSY; open rw = EBUSY; close",
        "open w; open r = EBUSY; open w = EBUSY; close",
        "open r",
    ),
    case(
        # hibernate_acquire(); the notifiers of PM_HIBERNATION_PREPARE disable CPU hotplug, those
        # of PM_RESTORE_PREPARE do not (cpu_hotplug_pm_callback(), kernel/cpu.c).
        "barred-while-open",
        f"snapshot_open(), {USER}; hibernate(), kernel/power/hibernate.c",
        f"open r; put {STATE} disk = EBUSY; put {CPU1} 0 = EBUSY; close",
        CPU1_OFF_AND_ON,
        f"open w; put {STATE} disk = EBUSY",
        CPU1_OFF_AND_ON,
        needs=("HOTPLUG_CPU",),
    ),
    case(
        # The capability is asked for by ioctl(2) alone, after the number has been looked at.
        "no-capability",
        IOCTL,
        "renounce; open r; read 4096 = ENODATA; ioctl 0x3315 = ENOTTY; ioctl 0x3401 = ENOTTY",
        "ioctl 0x3300 = EPERM; FREEZE = EPERM; UNFREEZE = EPERM; CREATE_IMAGE = EPERM",
        "ATOMIC_RESTORE = EPERM; FREE = EPERM; FREE_SWAP_PAGES = EPERM; S2RAM = EPERM",
        "SET_SWAP_AREA swap 0 = EPERM; GET_IMAGE_SIZE = EPERM; PLATFORM_SUPPORT 1 = EPERM",
        "POWER_OFF = EPERM; PREF_IMAGE_SIZE 0 = EPERM; AVAIL_SWAP_SIZE = EPERM",
        "ALLOC_SWAP_PAGE = EPERM",
    ),
    case("unknown-ioctls", IOCTL, "open r", *(f"ioctl {number} = ENOTTY" for number in UNKNOWN)),
    case(
        "nothing-done-yet",
        f"snapshot_ioctl(), snapshot_read(), {USER}",
        "open r",
        NOTHING_DONE,
        "GET_IMAGE_SIZE = ENODATA; GET_IMAGE_SIZE NULL = ENODATA; read 4096 = ENODATA",
        "write zeros = EBADF; seek = ESPIPE",
        # without PLATFORM_SUPPORT 1 it does nothing and says that all is well
        "POWER_OFF; PLATFORM_SUPPORT 1; PLATFORM_SUPPORT 0; POWER_OFF",
    ),
    case(
        "nothing-done-yet-for-writing",
        IOCTL,
        "open w; read 4096 = EBADF",
        NOTHING_DONE,
        "GET_IMAGE_SIZE = ENODATA; POWER_OFF; FREEZE; CREATE_IMAGE = EPERM",
        NO_DATA_YET,
        "UNFREEZE",
    ),
)
