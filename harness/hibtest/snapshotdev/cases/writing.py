"""How an image is written, and when it is refused.

What is written is four pages long: the first page of an image of this kernel, with its counts
changed, a page with two frames, and two pages of data (hibtest/probe/snapshotdev/stream.py). It is
never restored.
"""

from hibtest.snapshotdev.case import Per
from hibtest.snapshotdev.cases.parts import NO_DATA_YET, USER, case

SNAPSHOT = "kernel/power/snapshot.c"
WRITE = f"snapshot_write(), {USER}; snapshot_write_next(), {SNAPSHOT}"
FINALIZE = f"snapshot_write_finalize(), {SNAPSHOT}"
MAKE = "borrow; open w"
DATA_LACKING = ("ATOMIC_RESTORE", Per({"6.1": "EPERM", "6.12": "ENODATA"}))

CASES = (
    case(
        # A write ends at the page; 0 once the image is complete. Nothing says so before.
        "write-whole",
        WRITE,
        MAKE,
        "write info 1000 = 1000; FREE; close; open w",
        "write info 9000 = 4096; write frames = 4096; write data = 4096",
        "write data 100 = 100; write data = 3996; write data = 0; write data = 0",
        "GET_IMAGE_SIZE = ENODATA",
        # complete, but nothing is frozen
        "ATOMIC_RESTORE = EPERM",
    ),
    case(
        # The first page is looked at when the second one comes.
        "write-other-machine",
        f"load_header(), {SNAPSHOT}; arch/x86/power/hibernate.c",
        "open w; write zeros = 4096; write zeros = EPERM; write zeros = EPERM; close",
        MAKE,
        "write info-magic = 4096; write frames = EPERM; FREE",
        "write info-e820 = 4096; write frames = EPERM; FREE",
        "write info-memory = 4096; write frames = EPERM; FREE",
        "write info = 4096; write frames = 4096",
        says="Image mismatch: memory size",
    ),
    case(
        # FREE begins anew only at a page's end: the file position stays in the page.
        "write-free-in-page",
        WRITE,
        MAKE,
        "write info 1000 = 1000; FREE; write info = EINVAL",
    ),
    case(
        # Since 6.12 it takes the place of a page: what is then complete has a page of garbage.
        "restore-too-early",
        FINALIZE,
        MAKE,
        "ATOMIC_RESTORE = EPERM; write info = 4096",
        "ATOMIC_RESTORE = EPERM; write frames = 4096",
        "ATOMIC_RESTORE = EPERM; write data = 4096",
        DATA_LACKING,
        ("write data", Per({"6.1": 4096, "6.12": 0})),
        "write data = 0; ATOMIC_RESTORE = EPERM",
    ),
    case(
        "restore-too-early-frozen",
        f"{FINALIZE}; SNAPSHOT_ATOMIC_RESTORE in snapshot_ioctl(), {USER}",
        MAKE,
        "FREEZE",
        NO_DATA_YET,
        "write info = 4096",
        NO_DATA_YET,
        "write frames = 4096",
        NO_DATA_YET,
        "write data = 4096",
        DATA_LACKING,
        "UNFREEZE",
    ),
    case(
        # UNFREEZE frees the bitmaps that open made for writing; they are used unasked.
        "write-after-unfreeze",
        f"free_basic_memory_bitmaps(), prepare_image(), {SNAPSHOT}",
        MAKE,
        "FREEZE; UNFREEZE; write info = 4096; write frames = 4096; write data = 4096",
        ends="panic",
        says="kernel NULL pointer dereference",
    ),
)
