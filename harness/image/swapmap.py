"""The swap map: a chain of pages that name the image's blocks in the order of the stream.

A map page holds 511 u64 block numbers and, at byte 4088, the u64 number of the next map page,
0 in the last one; the first entry that is 0 ends the image. Linux kernel, kernel/power/swap.c,
struct swap_map_page (v6.1 line 60, v6.12 line 59, v7.3 line 57).

When all 511 entries of a page are used, 6.1 and 6.12 have already chained an empty page to it
(swap_write_page(), v6.1 line 450, v6.12 line 452); 7.3 chains one when it is needed. Both are read.
The kernel follows a chain that bites its own tail for ever; this does not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.image.blocks import Blocks, Numbers
from harness.image.damage import Damaged

FIELD = "swap map"
_ENTRIES = 511


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapMap:
    """A swap map that was read to its end.

    :ivar blocks: The image's blocks in stream order; the first is the info page.
    :ivar pages: Blocks of the map pages themselves.
    :ivar empty_tail: Whether the last map page names no block, as 6.1 and 6.12 leave it when all
        the others are full; ``None`` when the last one is partly used, as it mostly is.
    """

    blocks: Numbers
    pages: tuple[int, ...]
    empty_tail: bool | None


def read_map(device: Blocks, first: int, *, reserved: int) -> SwapMap:
    """Follow a swap map to its end.

    :param first: Block of the first map page.
    :param reserved: Block of the header, which the map may not name.
    :raise Damaged: When the chain loops, or names a block outside the device or a block twice.
    """
    pages: list[int] = []
    entries: list[Numbers] = []
    seen = {reserved}
    number = first
    while number:
        if number in seen:
            where = pages[-1] if pages else reserved
            raise Damaged(f"the chain comes back to block {number}", field=FIELD, block=where)
        if number >= device.count:
            where = pages[-1] if pages else reserved
            raise Damaged(_outside(number, device), field=FIELD, block=where)
        seen.add(number)
        pages.append(number)
        words = device.read_one(number, FIELD).view("<u8")
        used, ends = _entries(words)
        _check_range(used, device, number)
        entries.append(used)
        # a chain that goes on after its end is not followed, as the kernel does not
        number = 0 if ends else int(words[_ENTRIES])
    found = np.concatenate(entries)
    if not len(found):
        raise Damaged("it names no block", field=FIELD, block=first)
    _check_once(found, np.array([reserved, *pages], np.int64))
    tail = len(entries[-1])
    empty_tail = None if 0 < tail < _ENTRIES else tail == 0
    return SwapMap(blocks=found, pages=tuple(pages), empty_tail=empty_tail)


def _entries(words: NDArray[np.uint64]) -> tuple[Numbers, bool]:
    zeros = np.flatnonzero(words[:_ENTRIES] == 0)
    end = int(zeros[0]) if len(zeros) else _ENTRIES
    # a number beyond 2**63 becomes negative and is refused as such
    return words[:end].astype(np.int64), end < _ENTRIES


def _check_range(used: Numbers, device: Blocks, number: int) -> None:
    outside = np.flatnonzero((used <= 0) | (used >= device.count))
    if len(outside):
        entry = int(outside[0])
        named = int(used[entry]) % (1 << 64)
        raise Damaged(f"entry {entry}: {_outside(named, device)}", field=FIELD, block=number)


def _check_once(found: Numbers, map_pages: Numbers) -> None:
    ordered = np.sort(np.concatenate([found, map_pages]))
    again = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(again):
        block = int(ordered[again[0]])
        raise Damaged(f"names block {block} twice", field=FIELD, block=block)


def _outside(number: int, device: Blocks) -> str:
    return f"block {number}, but the device has {device.count}"
