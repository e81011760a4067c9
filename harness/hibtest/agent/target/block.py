"""A block device, read and written without the page cache.

While the machine stands still the page cache must not grow: there is little memory, and nobody
to write it out. So O_DIRECT, with one buffer that was there before.
"""

from __future__ import annotations

import errno
import mmap
import os

from hibtest.agent.errors import AgentError, from_os
from hibtest.linux.pages import PAGE

_HINTS = {
    errno.ENOENT: "name a block device that is there",
    errno.EBUSY: "it is mounted, or in use otherwise: name a device of the image's own",
}


class Block:
    """A device or file that is open, or a part of it.

    :param fd: Is closed by :meth:`close`.
    :param path: What it is called in messages.
    :param start: Byte at which it begins.
    :param size: Its bytes; ``None``: to the end.
    :param buffer_pages: Pages of memory to move data with.
    :ivar number: The device's number, 0 for a file.
    """

    def __init__(
        self, fd: int, path: str, *, start: int = 0, size: int | None = None, buffer_pages: int
    ) -> None:
        self.path = path
        self._fd = fd
        self._start = start
        self.size = os.lseek(fd, 0, os.SEEK_END) - start if size is None else size
        self.number = os.fstat(fd).st_rdev
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
                done = os.pwrite(self._fd, data, self._start + offset)
                data, offset = data[done:], offset + done
        except OSError as error:
            raise from_os(f"{self.path}: write at {offset}", error) from error

    def read(self, data: memoryview, offset: int) -> int:
        """Fill aligned memory; return how many bytes there were."""
        if offset >= self.size:
            return 0
        try:
            return os.preadv(self._fd, [data[: self._within(offset)]], self._start + offset)
        except OSError as error:
            raise from_os(f"{self.path}: read at {offset}", error) from error

    def _within(self, offset: int) -> int:
        return -(-(self.size - offset) // PAGE) * PAGE  # O_DIRECT reads whole sectors

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


def open_block(
    path: str, buffer_pages: int = 256, *, readonly: bool = False, alone: bool = False
) -> Block:
    """Open a device or file, for reading and writing.

    :param readonly: For reading alone.
    :param alone: Refuse a block device that somebody else uses: it is mounted, or part of another.
    :raise AgentError: When it cannot be opened.
    """
    mode = os.O_RDONLY if readonly else os.O_RDWR
    try:
        # O_EXCL without O_CREAT is for block devices: open(2)
        fd = _open(path, mode | (os.O_EXCL if alone else 0))
        return Block(fd, path, buffer_pages=buffer_pages)
    except OSError as error:
        raise from_os(path, error, _HINTS.get(error.errno or 0, "")) from error


def _open(path: str, mode: int) -> int:
    try:
        return os.open(path, mode | os.O_DIRECT | os.O_CLOEXEC)
    except OSError as error:
        if error.errno != 22:
            raise
        return os.open(path, mode | os.O_CLOEXEC)  # a tmpfs has no O_DIRECT before 6.6
