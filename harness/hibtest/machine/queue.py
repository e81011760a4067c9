"""Those who wait for something, in the order in which they came: each locks a file of its own.

A file whose lock is free was left by somebody who is gone, and is removed by whoever sees it.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_WAITS = "waits-"
_LOOK = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


@contextmanager
def standing_in(directory: int) -> Iterator[str]:
    """Join the queue in a directory, given as a descriptor, until left; yield a place in it.

    :raise OSError: When no file can be made there.
    """
    # by a clock that all processes of this host read alike
    name = f"{_WAITS}{time.monotonic_ns():020d}-{os.getpid()}"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    new = f"new-{name}"
    fd = os.open(new, flags, 0o600, dir_fd=directory)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        # seen by others once it is locked, never before
        os.rename(new, name, src_dir_fd=directory, dst_dir_fd=directory)
        yield name
    finally:
        for left in (new, name):
            with suppress(FileNotFoundError):
                os.unlink(left, dir_fd=directory)
        os.close(fd)


def is_first(place: str, directory: int) -> bool:
    """Return whether nobody who came before waits any more.

    :raise OSError: When the directory cannot be read.
    """
    before = (name for name in os.listdir(directory) if name.startswith(_WAITS) and name < place)
    return not any(_waits(name, directory) for name in sorted(before))


def _waits(name: str, directory: int) -> bool:
    """Return whether somebody keeps a file locked; remove it if nobody does."""
    try:
        fd = os.open(name, _LOOK, dir_fd=directory)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)
    return False
