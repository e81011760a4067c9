"""How an image is written, and when it is refused.

What is written is four pages long: the first page of an image of this kernel, with its counts
changed, a page with two frames, and two pages of data (hibtest/probe/snapshotdev/stream.py). It is
never restored.
"""

from hibtest.snapshotdev.case import Case, Per

WRITE = "snapshot_write(), kernel/power/user.c; snapshot_write_next(), kernel/power/snapshot.c"
FINALIZE = "snapshot_write_finalize(), kernel/power/snapshot.c"
MAKE = (("borrow", 0), ("open w", 0))

CASES = (
    Case(
        # A write ends at the page; 0 once the image is complete. Nothing says so before.
        name="write-whole",
        source=WRITE,
        steps=(
            *MAKE,
            ("write info 1000", 1000),
            ("FREE", 0),
            ("close", 0),
            ("open w", 0),
            ("write info 9000", 4096),
            ("write frames", 4096),
            ("write data", 4096),
            ("write data 100", 100),
            ("write data", 3996),
            ("write data", 0),
            ("write data", 0),
            ("GET_IMAGE_SIZE", "ENODATA"),
            # complete, but nothing is frozen
            ("ATOMIC_RESTORE", "EPERM"),
        ),
    ),
    Case(
        # The first page is looked at when the second one comes.
        name="write-other-machine",
        source="load_header(), kernel/power/snapshot.c; arch/x86/power/hibernate.c",
        says="Image mismatch: memory size",
        steps=(
            ("open w", 0),
            ("write zeros", 4096),
            ("write zeros", "EPERM"),
            ("write zeros", "EPERM"),
            ("close", 0),
            *MAKE,
            ("write info-magic", 4096),
            ("write frames", "EPERM"),
            ("FREE", 0),
            ("write info-e820", 4096),
            ("write frames", "EPERM"),
            ("FREE", 0),
            ("write info-memory", 4096),
            ("write frames", "EPERM"),
            ("FREE", 0),
            ("write info", 4096),
            ("write frames", 4096),
        ),
    ),
    Case(
        # FREE begins anew only at a page's end: the file position stays in the page.
        name="write-free-in-page",
        source=WRITE,
        steps=(
            *MAKE,
            ("write info 1000", 1000),
            ("FREE", 0),
            ("write info", "EINVAL"),
        ),
    ),
    Case(
        # Since 6.12 it takes the place of a page: what is then complete has a page of garbage.
        name="restore-too-early",
        source=FINALIZE,
        steps=(
            *MAKE,
            ("ATOMIC_RESTORE", "EPERM"),
            ("write info", 4096),
            ("ATOMIC_RESTORE", "EPERM"),
            ("write frames", 4096),
            ("ATOMIC_RESTORE", "EPERM"),
            ("write data", 4096),
            ("ATOMIC_RESTORE", Per({"6.1": "EPERM", "6.12": "ENODATA"})),
            ("write data", Per({"6.1": 4096, "6.12": 0})),
            ("write data", 0),
            ("ATOMIC_RESTORE", "EPERM"),
        ),
    ),
    Case(
        name="restore-too-early-frozen",
        source=f"{FINALIZE}; SNAPSHOT_ATOMIC_RESTORE in snapshot_ioctl(), kernel/power/user.c",
        steps=(
            *MAKE,
            ("FREEZE", 0),
            ("ATOMIC_RESTORE", Per({"6.1": "EPERM", "7.3": "ENODATA"})),
            ("write info", 4096),
            ("ATOMIC_RESTORE", Per({"6.1": "EPERM", "7.3": "ENODATA"})),
            ("write frames", 4096),
            ("ATOMIC_RESTORE", Per({"6.1": "EPERM", "7.3": "ENODATA"})),
            ("write data", 4096),
            ("ATOMIC_RESTORE", Per({"6.1": "EPERM", "6.12": "ENODATA"})),
            ("UNFREEZE", 0),
        ),
    ),
    Case(
        # UNFREEZE frees the bitmaps that open made for writing; they are used unasked.
        name="write-after-unfreeze",
        source="free_basic_memory_bitmaps(), prepare_image(), kernel/power/snapshot.c",
        ends="panic",
        spends=True,
        says="kernel NULL pointer dereference",
        steps=(
            *MAKE,
            ("FREEZE", 0),
            ("UNFREEZE", 0),
            ("write info", 4096),
            ("write frames", 4096),
            ("write data", 4096),
        ),
    ),
)
