"""A block device, read and written without the page cache.

While the machine stands still the page cache must not grow: there is little memory, and nobody
to write it out. So O_DIRECT, with one buffer that was there before.
"""

from __future__ import annotations

import errno
import mmap
import os

from harness.agent.errors import AgentError, from_os

PAGE = 4096
_HINTS = {
    errno.ENOENT: "name a block device that is there",
    errno.EBUSY: "it is mounted, or in use otherwise: name a device of the image's own",
}


class Block:
    """A device or file, opened for both.

    :param readonly: Open it for reading alone.
    :param alone: Refuse a block device that somebody else uses: it is mounted, or part of another.
    :ivar size: Bytes.
    """

    def __init__(
        self, path: str, buffer_pages: int = 256, *, readonly: bool = False, alone: bool = False
    ) -> None:
        self.path = path
        try:
            mode = os.O_RDONLY if readonly else os.O_RDWR
            # O_EXCL without O_CREAT is for block devices: open(2)
            self._fd = _open(path, mode | (os.O_EXCL if alone else 0))
            self.size = os.lseek(self._fd, 0, os.SEEK_END)
            self.number = os.fstat(self._fd).st_rdev
        except OSError as error:
            raise from_os(path, error, _HINTS.get(error.errno or 0, "")) from error
        self.room = buffer_pages * PAGE
        self.buffer = memoryview(mmap.mmap(-1, self.room))
        self._page = memoryview(mmap.mmap(-1, PAGE))

    def write(self, data: memoryview, offset: int) -> None:
        """Write aligned memory, a whole number of pages, at a multiple of the page size."""
        if offset + len(data) > self.size:
            raise AgentError(
                f"{self.path}: {len(data)} bytes at {offset} do not fit in its {self.size}",
                "take a larger target, or compress",
                28,
            )
        try:
            while data:
                done = os.pwrite(self._fd, data, offset)
                data, offset = data[done:], offset + done
        except OSError as error:
            raise from_os(f"{self.path}: write at {offset}", error) from error

    def read(self, data: memoryview, offset: int) -> int:
        """Fill aligned memory; return how many bytes there were."""
        try:
            return os.preadv(self._fd, [data], offset)
        except OSError as error:
            raise from_os(f"{self.path}: read at {offset}", error) from error

    def write_page(self, page: bytes, offset: int) -> None:
        """Write one page, and see it on the medium."""
        self._page[:] = page
        self.write(self._page, offset)
        self.flush()

    def read_page(self, offset: int) -> bytes:
        """Return one page; what is behind the end reads as zero."""
        got = self.read(self._page, offset)
        return bytes(self._page[:got]).ljust(PAGE, b"\0")

    def peek(self, offset: int, count: int) -> bytes:
        """Return some bytes from anywhere; those behind the end are missing."""
        first = offset // PAGE * PAGE
        last = offset + count
        pages = [self.read_page(at) for at in range(first, last, PAGE) if at < self.size]
        return b"".join(pages)[offset - first : last - first]

    def flush(self) -> None:
        """Have the medium hold all that was written."""
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise from_os(f"{self.path}: fsync", error) from error

    def close(self) -> None:
        """Close it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _open(path: str, mode: int) -> int:
    try:
        return os.open(path, mode | os.O_DIRECT | os.O_CLOEXEC)
    except OSError as error:
        if error.errno != 22:
            raise
        return os.open(path, mode | os.O_CLOEXEC)  # a tmpfs has no O_DIRECT before 6.6
