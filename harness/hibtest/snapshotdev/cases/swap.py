"""How swap is given out, and who may write to it.

The swap disk has 16 MiB, of which the header takes a page.
"""

from hibtest.snapshotdev.case import Between, Case, Per

USER = "kernel/power/user.c"
SWAP = "mm/swapfile.c"
PAGES = 4095
WHOLE = PAGES * 4096
SLOT = Between(4096, WHOLE, 4096)
FREE = SLOT

CASES = (
    Case(
        name="swap-of-resume-device",
        source=f"snapshot_open(), {USER}",
        steps=(
            ("open r", 0),
            ("AVAIL_SWAP_SIZE", FREE),
            ("ALLOC_SWAP_PAGE", SLOT),
            ("ALLOC_SWAP_PAGE", SLOT),
            ("change AVAIL_SWAP_SIZE", -8192),
            # the slot is taken though nobody is told which it is
            ("ALLOC_SWAP_PAGE NULL", "EFAULT"),
            ("change AVAIL_SWAP_SIZE", -4096),
            ("FREE_SWAP_PAGES", 0),
            ("change AVAIL_SWAP_SIZE", 12288),
            ("FREE_SWAP_PAGES", 0),
            ("change AVAIL_SWAP_SIZE", 0),
            ("AVAIL_SWAP_SIZE NULL", "EFAULT"),
        ),
    ),
    Case(
        name="swap-for-writing",
        source=f"snapshot_open(), {USER}",
        steps=(
            ("open w", 0),
            ("AVAIL_SWAP_SIZE", 0),
            ("ALLOC_SWAP_PAGE", "ENODEV"),
            ("FREE_SWAP_PAGES", "ENODEV"),
            ("SET_SWAP_AREA swap 0", 0),
            ("AVAIL_SWAP_SIZE", FREE),
            ("ALLOC_SWAP_PAGE", SLOT),
        ),
    ),
    Case(
        # What is refused unsets the area that there was.
        name="swap-area-wrong",
        source=f"snapshot_set_swap_area(), {USER}; swap_type_of(), {SWAP}",
        steps=(
            ("open r", 0),
            ("SET_SWAP_AREA 0 0", "EINVAL"),
            ("AVAIL_SWAP_SIZE", 0),
            ("ALLOC_SWAP_PAGE", "ENODEV"),
            ("FREE_SWAP_PAGES", "ENODEV"),
            ("SET_SWAP_AREA swap 0", 0),
            ("SET_SWAP_AREA toolbox 0", "ENODEV"),
            ("AVAIL_SWAP_SIZE", 0),
            ("ALLOC_SWAP_PAGE", "ENODEV"),
            ("SET_SWAP_AREA swap 0", 0),
            ("SET_SWAP_AREA swap 1", "ENODEV"),
            ("AVAIL_SWAP_SIZE", 0),
            ("SET_SWAP_AREA swap 0", 0),
            ("SET_SWAP_AREA swap 0", 0),
            # the pointer is looked at before anything is changed
            ("SET_SWAP_AREA NULL", "EFAULT"),
            ("ALLOC_SWAP_PAGE", SLOT),
        ),
    ),
    Case(
        name="swap-area-with-slots",
        source=f"snapshot_set_swap_area(), {USER}",
        steps=(
            ("open r", 0),
            ("ALLOC_SWAP_PAGE", SLOT),
            ("SET_SWAP_AREA swap 0", "EPERM"),
            ("SET_SWAP_AREA 0 0", "EPERM"),
            ("SET_SWAP_AREA NULL", "EPERM"),
            ("ALLOC_SWAP_PAGE", SLOT),
            ("FREE_SWAP_PAGES", 0),
            ("SET_SWAP_AREA swap 0", 0),
        ),
    ),
    Case(
        name="swap-full",
        source=f"SNAPSHOT_ALLOC_SWAP_PAGE in snapshot_ioctl(), {USER}",
        steps=(
            ("open r", 0),
            ("change AVAIL_SWAP_SIZE", 0),
            ("fill", Between(1, PAGES)),
            ("ALLOC_SWAP_PAGE", "ENOSPC"),
            ("AVAIL_SWAP_SIZE", 0),
            ("FREE_SWAP_PAGES", 0),
            ("AVAIL_SWAP_SIZE", FREE),
            ("ALLOC_SWAP_PAGE", SLOT),
        ),
    ),
    Case(
        # A close gives the slots back. So does the end of the process: swap-after-kill.
        name="swap-given-back",
        source=f"snapshot_release(), {USER}",
        steps=(
            ("change SwapFree", 0),
            ("open r", 0),
            ("fill", Between(1, PAGES)),
            ("close", 0),
            ("change SwapFree", 0),
            ("open r", 0),
            ("AVAIL_SWAP_SIZE", FREE),
        ),
    ),
    Case(
        name="swap-killed",
        source=f"snapshot_release(), {USER}",
        ends="SIGKILL",
        steps=(("open r", 0), ("fill", Between(1, PAGES)), ("FREEZE", 0), ("die", 0)),
    ),
    Case(
        name="swap-after-kill",
        source=f"snapshot_release(), {USER}",
        steps=(("open r", 0), ("AVAIL_SWAP_SIZE", FREE)),
    ),
    Case(
        # SET_SWAP_AREA permits it, also when a later one is refused; open alone does not.
        name="swap-written-to",
        source=f"is_hibernate_resume_dev(), {USER}; blkdev_write_iter(), block/fops.c",
        steps=(
            ("overwrite swap", "ETXTBSY"),
            ("open r", 0),
            ("overwrite swap", "ETXTBSY"),
            ("SET_SWAP_AREA toolbox 0", "ENODEV"),
            ("overwrite swap", "ETXTBSY"),
            ("SET_SWAP_AREA swap 0", 0),
            ("overwrite swap", 4096),
            ("SET_SWAP_AREA 0 0", "EINVAL"),
            ("overwrite swap", 4096),
            ("close", 0),
            ("overwrite swap", "ETXTBSY"),
        ),
    ),
    Case(
        # 7.3 holds the swap from open on, until a SET_SWAP_AREA unsets it.
        name="swapoff-while-open",
        source=f"SYSCALL_DEFINE1(swapoff), pin_hibernation_swap_type(), {SWAP}",
        steps=(
            ("open r", 0),
            ("swapoff", Per({"6.1": 0, "7.3": "EBUSY"})),
            ("AVAIL_SWAP_SIZE", Per({"6.1": 0, "7.3": FREE})),
            ("ALLOC_SWAP_PAGE", Per({"6.1": "ENOSPC", "7.3": SLOT})),
            ("swapon", Per({"6.1": 0, "7.3": "EBUSY"})),
            ("ALLOC_SWAP_PAGE", SLOT),
            ("FREE_SWAP_PAGES", 0),
            ("SET_SWAP_AREA swap 0", 0),
            ("swapoff", Per({"6.1": 0, "7.3": "EBUSY"})),
            ("SET_SWAP_AREA swap 0", Per({"6.1": "ENODEV", "7.3": 0})),
            ("SET_SWAP_AREA toolbox 0", "ENODEV"),
            ("swapoff", Per({"6.1": "EINVAL", "7.3": 0})),
            ("swapon", 0),
            ("close", 0),
            ("open w", 0),
            ("swapoff", 0),
            ("swapon", 0),
            ("SET_SWAP_AREA swap 0", 0),
            ("swapoff", Per({"6.1": 0, "7.3": "EBUSY"})),
            ("swapon", Per({"6.1": 0, "7.3": "EBUSY"})),
        ),
    ),
    Case(
        # With slots allocated 6.1 and 6.12 look for their users until a signal comes.
        name="swapoff-with-slots",
        source=f"try_to_unuse(), {SWAP}",
        steps=(
            ("open r", 0),
            ("ALLOC_SWAP_PAGE", SLOT),
            ("swapoff", Per({"6.1": "EINTR", "7.3": "EBUSY"})),
            ("ALLOC_SWAP_PAGE", SLOT),
            ("close", 0),
            ("swapoff", 0),
            ("swapon", 0),
        ),
    ),
)
