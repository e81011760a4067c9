"""How an image is read, and what breaks the reading."""

from hibtest.snapshotdev.case import Between, Per
from hibtest.snapshotdev.cases.parts import IMAGE, USER, case

READ = f"snapshot_read(), {USER}"

CASES = (
    case(
        # One page at most; 0 at the end, and again.
        "read-whole",
        READ,
        IMAGE,
        "read 8192 = 4096; page = info; read 4096 = 4096; page = other",
        "drain; read 4096 = 0; read 1 = 0",
        ("GET_IMAGE_SIZE", Between(4096, 1 << 29, 4096)),
    ),
    case(
        # What a short read leaves of a page is not given out whole: the position in the page is
        # taken off twice. From the middle of a page there is no way on, not even with a new
        # image, until the device is closed.
        "read-short",
        READ,
        IMAGE,
        "read 1024 = 1024; read 4096 = 2048; read 4096 = 0; read 4096 = 0",
        "FREE; read 4096 = ENODATA; CREATE_IMAGE = 1; read 4096 = 0; close",
        IMAGE,
        "read 4096 = 4096; page = info; read 2048 = 2048; read 4096 = 0",
    ),
    case(
        # A read of nothing takes a page away.
        "read-nothing",
        READ,
        IMAGE,
        "read 0 = 0; read 4096 = 4096; page = other",
        "FREE; CREATE_IMAGE = 1; read 4096 = 4096; page = info",
    ),
    case(
        # Since 6.12 an image that is being read is "finished" before it is asked whether the
        # device is open for writing.
        "restore-what-is-read",
        "snapshot_write_finalize(), kernel/power/snapshot.c",
        IMAGE,
        "ATOMIC_RESTORE = EPERM; read 4096 200 = 4096",
        ("ATOMIC_RESTORE", Per({"6.1": "EPERM", "6.12": "EFAULT"})),
        "read 4096 = 4096",
    ),
)
