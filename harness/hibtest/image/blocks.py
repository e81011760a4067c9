"""4096-byte blocks of a device, read many at a time, whatever it stands on.

A file's are read as they lie; those of a device that lies in pieces of others
(:mod:`hibtest.image.pieces`) and of an encrypted one (:mod:`hibtest.image.luks`) through what is
below.
"""

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hibtest.errors import HostError
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE

Pages = NDArray[np.uint8]  # (n, 4096)
Numbers = NDArray[np.int64]  # (n,)

_READ_AT_MOST = 1 << 30  # preadv returns less for more than 2 GiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks(ABC):
    """A device's blocks, numbered from 0.

    :ivar name: What it is called in messages.
    :ivar count: How many whole blocks there are.
    :ivar tail: Bytes behind the last whole block.
    """

    name: str
    count: int
    tail: int = 0

    @abstractmethod
    def read_run(self, memory: memoryview, first: int) -> None:
        """Fill memory, whole blocks, with those from ``first`` on, which are there.

        :raise HostError: When the device cannot be read.
        """

    def is_hole(self, first: int, count: int) -> bool:  # noqa: ARG002 - it may know of none
        """Return whether blocks that are there were never written, as far as that shows.

        To look through a layer at a hole takes long, and shows nothing.
        """
        return False

    @property
    def size(self) -> int:
        """Bytes of the device."""
        return self.count * PAGE_SIZE + self.tail

    def read(self, numbers: Numbers, what: str) -> Pages:
        """Read blocks in the order given; those that lie side by side are read at once.

        :param numbers: Block numbers.
        :param what: Field that is named when a block is not there.
        :raise Damaged: When a block lies outside the device.
        :raise HostError: When the file cannot be read.
        """
        pages = np.empty((len(numbers), PAGE_SIZE), np.uint8)
        self.read_into(pages, numbers, what)
        return pages

    def read_into(self, pages: Pages, numbers: Numbers, what: str) -> None:
        """Read blocks into memory that is there, (n, 4096) bytes; see :meth:`read`."""
        if not len(numbers):
            return
        outside = np.flatnonzero((numbers < 0) | (numbers >= self.count))
        if len(outside):
            number = int(numbers[outside[0]])
            raise Damaged(f"the device has {self.count} blocks", field=what, block=number)
        bounds = [0, *(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist(), len(numbers)]
        memory = pages.reshape(-1).data
        for first, end in pairwise(bounds):
            self.read_run(memory[first * PAGE_SIZE : end * PAGE_SIZE], int(numbers[first]))

    def read_one(self, number: int, what: str) -> Pages:
        """Read one block as an array of 4096 bytes; see :meth:`read`."""
        if not 0 <= number < self.count:  # also what no int64 holds
            raise Damaged(f"the device has {self.count} blocks", field=what, block=number)
        page = np.empty(PAGE_SIZE, np.uint8)
        self.read_run(page.data, number)
        return page

    def read_word(self, number: int) -> int:
        """Return the u64 at the begin of a block that is known to be there.

        :raise HostError: When the device cannot be read.
        """
        return int.from_bytes(self.peek(number * PAGE_SIZE, 8), "little")

    def peek(self, at: int, count: int) -> bytes:
        """Return bytes from anywhere, fewer at the end of the device.

        :raise HostError: When the device cannot be read.
        """
        end = min(at + count, self.count * PAGE_SIZE)
        if not 0 <= at < end:
            return b""
        first = at // PAGE_SIZE
        memory = bytearray((-(-end // PAGE_SIZE) - first) * PAGE_SIZE)
        self.read_run(memoryview(memory), first)
        return bytes(memory[at - first * PAGE_SIZE : end - first * PAGE_SIZE])


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBlocks(Blocks):
    """The blocks of a device that lies in a file, one after the other.

    :ivar fd: The file, open for reading.
    :ivar start: Byte of the file at which block 0 begins.
    """

    fd: int
    start: int = 0

    def peek(self, at: int, count: int) -> bytes:
        """See :meth:`Blocks.peek`; what is behind the last whole block counts, too."""
        if not 0 <= at < self.size:
            return b""
        try:
            return os.pread(self.fd, min(count, self.size - at), self.start + at)
        except OSError as error:
            raise HostError(f"{self.name}: cannot read: {error.strerror}") from error

    def is_hole(self, first: int, count: int) -> bool:
        """See :meth:`Blocks.is_hole`."""
        at = self.start + first * PAGE_SIZE
        try:
            return os.lseek(self.fd, at, os.SEEK_DATA) >= at + count * PAGE_SIZE
        except OSError as error:  # ENXIO: there is no more of it; else it is not known
            return error.errno == errno.ENXIO

    def read_run(self, memory: memoryview, first: int) -> None:
        """See :meth:`Blocks.read_run`."""
        at = self.start + first * PAGE_SIZE
        while memory:
            try:
                done = os.preadv(self.fd, [memory[:_READ_AT_MOST]], at)
            except OSError as error:
                raise HostError(f"{self.name}: cannot read: {error.strerror}") from error
            if not done:
                raise HostError(f"{self.name}: was cut at byte {at} while it was read")
            memory = memory[done:]
            at += done


class Feed:
    """Numbers that come piece by piece, and are taken as many at a time as one likes."""

    def __init__(self, pieces: Iterable[Numbers]) -> None:
        self._pieces = iter(pieces)
        self._have = np.empty(0, np.int64)

    def take(self, count: int) -> Numbers:
        """Return the next ones, fewer only at the end."""
        parts = [self._have[:count]]
        self._have = self._have[count:]
        left = count - len(parts[0])
        while left and (piece := next(self._pieces, None)) is not None:
            parts.append(piece[:left])
            self._have = piece[left:]
            left -= len(parts[-1])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
