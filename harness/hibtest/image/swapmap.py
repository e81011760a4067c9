"""The swap map: a chain of pages that name the image's blocks in the order of the stream.

A map page holds 511 u64 block numbers and, at byte 4088, the u64 number of the next map page,
0 in the last one; the first entry that is 0 ends the image. Linux kernel, kernel/power/swap.c,
struct swap_map_page (v6.1 line 60, v6.12 line 59, v7.3 line 57).

When all 511 entries of a page are used, 6.1 and 6.12 have already chained an empty page to it
(swap_write_page(), v6.1 line 450, v6.12 line 452); 7.3 chains one when it is needed. Both are read.
The kernel follows a chain that bites its own tail for ever; this does not.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap64

from hibtest.image.blocks import Blocks, Numbers
from hibtest.image.damage import Damaged

FIELD = "swap map"
_ENTRIES = 511


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapMap:
    """A swap map that was read to its end, and found well.

    It stays on the device: of an image of 80 GiB it would take 160 MiB of memory.

    :ivar pages: Blocks of the map pages themselves.
    :ivar count: How many blocks it names; the first is the info page.
    :ivar empty_tail: Whether the last map page names no block, as 6.1 and 6.12 leave it when all
        the others are full; ``None`` when the last one is partly used, as it mostly is.
    """

    device: Blocks
    pages: tuple[int, ...]
    count: int
    empty_tail: bool | None

    def pieces(self) -> Iterator[Numbers]:
        """Yield the image's blocks in stream order, those of a map page at a time."""
        for number in self.pages:
            yield _entries(self.device.read_one(number, FIELD).view("<u8"))[0]

    def block(self, index: int) -> int:
        """Return one of the image's blocks; all map pages but the last are full."""
        page = self.device.read_one(self.pages[index // _ENTRIES], FIELD).view("<u8")
        return int(page[index % _ENTRIES])

    def blocks(self) -> Numbers:
        """Return them all; 8 bytes each."""
        return np.concatenate(list(self.pieces()))


def read_map(device: Blocks, first: int, *, reserved: int) -> SwapMap:
    """Follow a swap map to its end.

    :param first: Block of the first map page.
    :param reserved: Block of the header, which the map may not name.
    :raise Damaged: When the chain loops, or names a block outside the device or a block twice.
    """
    pages: dict[int, None] = {}
    named = BitMap64([reserved])  # some bits a block, however they are strewn
    count = last = 0
    number, before = first, reserved
    while number:
        _check_page(number, device, before, pages, named)
        pages[number] = None
        named.add(number)
        words = device.read_one(number, FIELD).view("<u8")
        used, ends = _entries(words)
        _check_range(used, device, number)
        _check_once(used, named)
        count, last, before = count + len(used), len(used), number
        # a chain that goes on after its end is not followed, as the kernel does not
        number = 0 if ends else int(words[_ENTRIES])
    if not count:
        raise Damaged("it names no block", field=FIELD, block=first)
    empty_tail = None if 0 < last < _ENTRIES else last == 0
    return SwapMap(device=device, pages=tuple(pages), count=count, empty_tail=empty_tail)


def _check_page(
    number: int, device: Blocks, before: int, pages: dict[int, None], named: BitMap64
) -> None:
    if number in pages or (not pages and number in named):
        raise Damaged(f"the chain comes back to block {number}", field=FIELD, block=before)
    if number >= device.count:
        raise Damaged(_outside(number, device), field=FIELD, block=before)
    if number in named:
        raise Damaged(f"names block {number} twice", field=FIELD, block=number)


def _entries(words: NDArray[np.uint64]) -> tuple[Numbers, bool]:
    zeros = np.flatnonzero(words[:_ENTRIES] == 0)
    end = int(zeros[0]) if len(zeros) else _ENTRIES
    # a number beyond 2**63 becomes negative and is refused as such
    return words[:end].astype(np.int64), end < _ENTRIES


def _check_range(used: Numbers, device: Blocks, number: int) -> None:
    outside = np.flatnonzero((used <= 0) | (used >= device.count))
    if len(outside):
        entry = int(outside[0])
        found = int(used[entry]) % (1 << 64)
        raise Damaged(f"entry {entry}: {_outside(found, device)}", field=FIELD, block=number)


def _check_once(used: Numbers, named: BitMap64) -> None:
    """Add the blocks of a map page to those that were named before."""
    these = BitMap64(used.astype(np.uint64))
    again = min(named & these, default=None)
    if len(these) < len(used):
        ordered = np.sort(used)
        again = int(ordered[1:][ordered[1:] == ordered[:-1]][0])
    if again is not None:
        raise Damaged(f"names block {again} twice", field=FIELD, block=int(again))
    named.update(these)


def _outside(number: int, device: Blocks) -> str:
    return f"block {number}, but the device has {device.count}"
