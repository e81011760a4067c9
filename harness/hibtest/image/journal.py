"""The journal of dm-integrity, for blocks of 4096 bytes and a checksum of 4.

It is a ring of sections. A section is a block of entries, and a block of data for each; the last
8 bytes of each sector of 512 are a commit id, which says of which turn of the ring the sector is,
and what stood there of the data stands in the entry. A section counts when all of its sectors are
of the same turn: drivers/md/dm-integrity.c, access_journal_entry(), replay_journal() (6.1 to 7.3).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hibtest.image.blocks import Blocks
from hibtest.image.damage import Damaged

_TURNS = tuple(0x1111111111111111 * turn for turn in range(1, 5))
_SECTORS = 8  # of a block
_WORDS = 64  # of a sector
_ENTRY_WORDS = 10  # a sector's number, what stood at the end of each sector, a checksum; rounded
_A_SECTOR = (_WORDS - 1) // _ENTRY_WORDS  # entries
_ENTRIES = _SECTORS * _A_SECTOR
_BLOCKS = 1 + _ENTRIES  # of a section
_MOST = 1 << 18  # blocks; the kernel takes 64 MiB by itself
_FIELD = "dm-integrity's journal"

Words = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Kept:
    """A block that the journal has.

    :ivar block: Where it lies below.
    :ivar ends: What stood at the end of each of its sectors.
    """

    block: int
    ends: tuple[int, ...]

    def read(self, device: Blocks) -> bytes:
        """Return the block."""
        words = device.read_one(self.block, _FIELD).view("<u8").reshape(_SECTORS, _WORDS)
        words[:, -1] = self.ends
        return words.tobytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A journal behind the superblock.

    :ivar sections: How many there are.
    """

    device: Blocks
    sections: int

    @property
    def blocks(self) -> int:
        """How many there are of it."""
        return self.sections * _BLOCKS

    def kept(self, count: int) -> dict[int, Kept]:
        """Return the blocks that it has, by their numbers: the newest of each.

        :param count: Blocks of the device; an entry of one behind them is none.
        :raise Damaged: When it is not there.
        """
        if not 0 < self.blocks <= min(_MOST, self.device.count - 1):
            what = f"{self.blocks} blocks on a device of {self.device.count}"
            raise Damaged(what, field=_FIELD, block=0)
        turns = [self._turns(section) for section in range(self.sections)]
        return {
            number: kept
            for section in _valid(turns)
            for number, kept in self._entries(section)
            if number < count
        }

    def _words(self, section: int) -> Words:
        first = 1 + section * _BLOCKS
        pages = self.device.read(np.arange(first, first + _BLOCKS), _FIELD)
        return pages.reshape(-1).view("<u8").reshape(-1, _WORDS)

    def _turns(self, section: int) -> set[int]:
        """Return of which turns the sectors of a section are; -1: of none."""
        ids = self._words(section)[:, -1]
        own = np.uint64(section << 32) ^ np.arange(len(ids), dtype=np.uint64)
        turns = {word: turn for turn, word in enumerate(_TURNS)}
        return {turns.get(word, -1) for word in np.unique(ids ^ own).tolist()}

    def _entries(self, section: int) -> Iterator[tuple[int, Kept]]:
        entries = self._words(section)[:_SECTORS]
        for number in range(_ENTRIES):
            at, row = divmod(number, _SECTORS)
            sector, *ends = entries[row, at * _ENTRY_WORDS :][: 1 + _SECTORS].tolist()
            if sector >> 32 < 0xFFFFFFFE and not sector % _SECTORS:  # else it is unused
                block = 1 + section * _BLOCKS + 1 + number
                yield sector // _SECTORS, Kept(block, tuple(ends))


def _valid(turns: list[set[int]]) -> Iterator[int]:
    """Yield the sections that are replayed, oldest first, as replay_journal() finds them."""
    used = set().union(*turns)
    if -1 in used or len(used) == len(_TURNS):
        return
    unused = _first_unused(used)
    last = (unused - 1) % 4
    wanted = (last - 1) % 4
    if wanted not in used and (wanted - 1) % 4 in used:
        return
    start = 1 + max(number for number, found in enumerate(turns) if last in found)
    if start == len(turns):
        start, wanted = 0, (wanted + 1) % 4
    for number in (*range(start, len(turns)), *range(start)):
        if number == 0 and start:
            wanted = (wanted + 1) % 4
        if turns[number] != {wanted}:
            return
        yield number


def _first_unused(used: set[int]) -> int:
    if 3 in used:
        return min({0, 1, 2} - used)
    return 1 + max(used)
