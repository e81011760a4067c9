"""How swap is given out, and who may write to it.

The swap disk has 16 MiB, of which the header takes a page.
"""

from hibtest.snapshotdev.case import Between, Per
from hibtest.snapshotdev.cases.parts import USER, case

SWAP = "mm/swapfile.c"
OPEN = f"snapshot_open(), {USER}"
RELEASE = f"snapshot_release(), {USER}"
SET_AREA = f"snapshot_set_swap_area(), {USER}"
PAGES = 4095
SLOT = Between(4096, PAGES * 4096, 4096)
SOME_FREE = ("AVAIL_SWAP_SIZE", SLOT)
ALLOCATED = ("ALLOC_SWAP_PAGE", SLOT)
FILLED = ("fill", Between(1, PAGES))
PINNED = Per({"6.1": 0, "7.3": "EBUSY"})

CASES = (
    case(
        "swap-of-resume-device",
        OPEN,
        "open r",
        SOME_FREE,
        ALLOCATED,
        ALLOCATED,
        "change AVAIL_SWAP_SIZE = -8192",
        # the slot is taken though nobody is told which it is
        "ALLOC_SWAP_PAGE NULL = EFAULT; change AVAIL_SWAP_SIZE = -4096",
        "FREE_SWAP_PAGES; change AVAIL_SWAP_SIZE = 12288",
        "FREE_SWAP_PAGES; change AVAIL_SWAP_SIZE = 0",
        "AVAIL_SWAP_SIZE NULL = EFAULT",
    ),
    case(
        "swap-for-writing",
        OPEN,
        "open w; AVAIL_SWAP_SIZE = 0; ALLOC_SWAP_PAGE = ENODEV; FREE_SWAP_PAGES = ENODEV",
        "SET_SWAP_AREA swap 0",
        SOME_FREE,
        ALLOCATED,
    ),
    case(
        # What is refused unsets the area that there was.
        "swap-area-wrong",
        f"{SET_AREA}; swap_type_of(), {SWAP}",
        "open r; SET_SWAP_AREA 0 0 = EINVAL",
        "AVAIL_SWAP_SIZE = 0; ALLOC_SWAP_PAGE = ENODEV; FREE_SWAP_PAGES = ENODEV",
        "SET_SWAP_AREA swap 0; SET_SWAP_AREA toolbox 0 = ENODEV",
        "AVAIL_SWAP_SIZE = 0; ALLOC_SWAP_PAGE = ENODEV",
        "SET_SWAP_AREA swap 0; SET_SWAP_AREA swap 1 = ENODEV",
        "AVAIL_SWAP_SIZE = 0",
        "SET_SWAP_AREA swap 0; SET_SWAP_AREA swap 0",
        # the pointer is looked at before anything is changed
        "SET_SWAP_AREA NULL = EFAULT",
        ALLOCATED,
    ),
    case(
        "swap-area-with-slots",
        SET_AREA,
        "open r",
        ALLOCATED,
        "SET_SWAP_AREA swap 0 = EPERM; SET_SWAP_AREA 0 0 = EPERM; SET_SWAP_AREA NULL = EPERM",
        ALLOCATED,
        "FREE_SWAP_PAGES; SET_SWAP_AREA swap 0",
    ),
    case(
        "swap-full",
        f"SNAPSHOT_ALLOC_SWAP_PAGE in snapshot_ioctl(), {USER}",
        "open r; change AVAIL_SWAP_SIZE = 0",
        FILLED,
        "ALLOC_SWAP_PAGE = ENOSPC; AVAIL_SWAP_SIZE = 0; FREE_SWAP_PAGES",
        SOME_FREE,
        ALLOCATED,
    ),
    case(
        # A close gives the slots back. So does the end of the process: swap-after-kill.
        "swap-given-back",
        RELEASE,
        "change SwapFree = 0; open r",
        FILLED,
        "close; change SwapFree = 0; open r",
        SOME_FREE,
    ),
    case("swap-killed", RELEASE, "open r", FILLED, "FREEZE; die", ends="SIGKILL"),
    case("swap-after-kill", RELEASE, "open r", SOME_FREE),
    case(
        # SET_SWAP_AREA permits it, also when a later one is refused; open alone does not.
        "swap-written-to",
        f"is_hibernate_resume_dev(), {USER}; blkdev_write_iter(), block/fops.c",
        "overwrite swap = ETXTBSY",
        "open r; overwrite swap = ETXTBSY",
        "SET_SWAP_AREA toolbox 0 = ENODEV; overwrite swap = ETXTBSY",
        "SET_SWAP_AREA swap 0; overwrite swap = 4096",
        "SET_SWAP_AREA 0 0 = EINVAL; overwrite swap = 4096",
        "close; overwrite swap = ETXTBSY",
    ),
    case(
        # 7.3 holds the swap from open on, until a SET_SWAP_AREA unsets it.
        "swapoff-while-open",
        f"SYSCALL_DEFINE1(swapoff), pin_hibernation_swap_type(), {SWAP}",
        "open r",
        ("swapoff", PINNED),
        ("AVAIL_SWAP_SIZE", Per({"6.1": 0, "7.3": SLOT})),
        ("ALLOC_SWAP_PAGE", Per({"6.1": "ENOSPC", "7.3": SLOT})),
        ("swapon", PINNED),
        ALLOCATED,
        "FREE_SWAP_PAGES; SET_SWAP_AREA swap 0",
        ("swapoff", PINNED),
        ("SET_SWAP_AREA swap 0", Per({"6.1": "ENODEV", "7.3": 0})),
        "SET_SWAP_AREA toolbox 0 = ENODEV",
        ("swapoff", Per({"6.1": "EINVAL", "7.3": 0})),
        "swapon; close",
        "open w; swapoff; swapon; SET_SWAP_AREA swap 0",
        ("swapoff", PINNED),
        ("swapon", PINNED),
    ),
    case(
        # With slots allocated 6.1 and 6.12 look for their users until a signal comes.
        "swapoff-with-slots",
        f"try_to_unuse(), {SWAP}",
        "open r",
        ALLOCATED,
        ("swapoff", Per({"6.1": "EINTR", "7.3": "EBUSY"})),
        ALLOCATED,
        "close; swapoff; swapon",
    ),
)
