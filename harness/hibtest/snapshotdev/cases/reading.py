"""How an image is read, and what breaks the reading."""

from hibtest.snapshotdev.case import Between, Case, Per

READ = "snapshot_read(), kernel/power/user.c"

CASES = (
    Case(
        # One page at most; 0 at the end, and again.
        name="read-whole",
        source=READ,
        steps=(
            ("open r", 0),
            ("FREEZE", 0),
            ("CREATE_IMAGE", 1),
            ("read 8192", 4096),
            ("page", "info"),
            ("read 4096", 4096),
            ("page", "other"),
            ("drain", 0),
            ("read 4096", 0),
            ("read 1", 0),
            ("GET_IMAGE_SIZE", Between(4096, 1 << 29, 4096)),
        ),
    ),
    Case(
        # What a short read leaves of a page is not given out whole: the position in the page is
        # taken off twice. From the middle of a page there is no way on, not even with a new
        # image, until the device is closed.
        name="read-short",
        source=READ,
        steps=(
            ("open r", 0),
            ("FREEZE", 0),
            ("CREATE_IMAGE", 1),
            ("read 1024", 1024),
            ("read 4096", 2048),
            ("read 4096", 0),
            ("read 4096", 0),
            ("FREE", 0),
            ("read 4096", "ENODATA"),
            ("CREATE_IMAGE", 1),
            ("read 4096", 0),
            ("close", 0),
            ("open r", 0),
            ("FREEZE", 0),
            ("CREATE_IMAGE", 1),
            ("read 4096", 4096),
            ("page", "info"),
            ("read 2048", 2048),
            ("read 4096", 0),
        ),
    ),
    Case(
        # A read of nothing takes a page away.
        name="read-nothing",
        source=READ,
        steps=(
            ("open r", 0),
            ("FREEZE", 0),
            ("CREATE_IMAGE", 1),
            ("read 0", 0),
            ("read 4096", 4096),
            ("page", "other"),
            ("FREE", 0),
            ("CREATE_IMAGE", 1),
            ("read 4096", 4096),
            ("page", "info"),
        ),
    ),
    Case(
        # Since 6.12 an image that is being read is "finished" before it is asked whether the
        # device is open for writing.
        name="restore-what-is-read",
        source="snapshot_write_finalize(), kernel/power/snapshot.c",
        steps=(
            ("open r", 0),
            ("FREEZE", 0),
            ("CREATE_IMAGE", 1),
            ("ATOMIC_RESTORE", "EPERM"),
            ("read 4096 200", 4096),
            ("ATOMIC_RESTORE", Per({"6.1": "EPERM", "6.12": "EFAULT"})),
            ("read 4096", 4096),
        ),
    ),
)
