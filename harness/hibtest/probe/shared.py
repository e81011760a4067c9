"""Memory that a process shares with the children it forks."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator

from hibtest.probe import syscalls

SIZE = 8


class Words:
    """So many 64-bit numbers, seen by this process and its children alike."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.area = mmap.mmap(-1, count * SIZE)

    def __getitem__(self, number: int) -> int:
        if not 0 <= number < self.count:
            raise IndexError(number)
        return int(struct.unpack_from("<Q", self.area, number * SIZE)[0])

    def __setitem__(self, number: int, value: int) -> None:
        struct.pack_into("<Q", self.area, number * SIZE, value)

    def __iter__(self) -> Iterator[int]:
        return iter([self[number] for number in range(self.count)])

    def add(self, number: int, amount: int = 1) -> None:
        """Count up; not atomic, so only one process may do so for a number."""
        self[number] += amount

    def address(self, number: int) -> int:
        """Return where a number lies in memory."""
        return syscalls.address(self.area) + number * SIZE
