"""4096-byte blocks of a device that lies in a file, read many at a time."""

import os
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
class Blocks:
    """A device's blocks, numbered from 0.

    :ivar name: What it is called in messages.
    :ivar count: How many whole blocks there are.
    :ivar start: Byte of the file at which block 0 begins.
    :ivar tail: Bytes behind the last whole block.
    """

    name: str
    count: int
    fd: int
    start: int = 0
    tail: int = 0

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
            at = self.start + int(numbers[first]) * PAGE_SIZE
            self._read_run(memory[first * PAGE_SIZE : end * PAGE_SIZE], at)

    def read_one(self, number: int, what: str) -> Pages:
        """Read one block as an array of 4096 bytes; see :meth:`read`."""
        if not 0 <= number < self.count:  # also what no int64 holds
            raise Damaged(f"the device has {self.count} blocks", field=what, block=number)
        page = np.empty(PAGE_SIZE, np.uint8)
        self._read_run(page.data, self.start + number * PAGE_SIZE)
        return page

    def read_word(self, number: int) -> int:
        """Return the u64 at the begin of a block that is known to be there.

        :raise HostError: When the file cannot be read.
        """
        try:
            return int.from_bytes(os.pread(self.fd, 8, self.start + number * PAGE_SIZE), "little")
        except OSError as error:
            raise HostError(f"{self.name}: cannot read: {error.strerror}") from error

    def _read_run(self, memory: memoryview, at: int) -> None:
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
