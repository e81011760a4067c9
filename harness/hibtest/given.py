"""Files and devices that somebody names: opened only when they can be what is wanted.

To open some devices does something: a tape winds, a watchdog runs. So what a path leads to is
looked at first, by a descriptor that opens nothing (O_PATH, open(2)), and then opened through it.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hibtest.errors import HostError

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
)


@contextmanager
def opened(path: Path, what: str, *, device: bool = True) -> Iterator[int]:
    """Open a regular file or a block device for reading; yield its descriptor.

    :param what: What it should be, for messages.
    :param device: Whether a block device will do.
    :raise HostError: When it is neither, or cannot be opened.
    """
    try:
        looked = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            _require(os.fstat(looked).st_mode, path, what, device=device)
            fd = os.open(f"/proc/self/fd/{looked}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        finally:
            os.close(looked)
    except OSError as error:
        raise HostError(f"{path}: cannot open: {error.strerror}") from error
    except ValueError as error:  # a NUL in it
        raise HostError(f"{str(path)!r} is no path") from error
    try:
        yield fd
    finally:
        os.close(fd)


def _require(mode: int, path: Path, what: str, *, device: bool) -> None:
    if stat.S_ISREG(mode) or (device and stat.S_ISBLK(mode)):
        return
    kind = next((kind for is_it, kind in _KINDS if is_it(mode)), "a block device")
    wanted = "a file or a block device" if device else "a file"
    raise HostError(f"{path}: {kind} is no {what}", hint=f"name {wanted}")
