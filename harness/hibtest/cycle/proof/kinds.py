"""What each page of the guest's memory is used for, by the kernel's own struct page.

struct page, 64 bytes (include/linux/mm_types.h, include/linux/page-flags.h, v6.1 to v7.3):

     0  u64  flags        v6.1: PG_slab is bit 9
     8  u64  compound_head (compound_info in v7.3): odd in a page behind the first of several
    24  u64  mapping      PAGE_MAPPING_ANON is bit 0, movable or KSM bit 1
    48  u32  page_type    v6.1: all ones but the bit of the type; since v6.11 a type in the
                          first byte; else the map count
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hibtest.cycle.proof.pages import Numbers
from hibtest.image.header import PAGE_SIZE
from hibtest.machine.memory import GuestMemory

Words = NDArray[np.uint64]

KINDS = (
    "other kernel memory",
    "anonymous memory",
    "page cache",
    "slab",
    "page tables",
    "memory of unknown use",
)
_OTHER, _ANON, _CACHE, _SLAB, _TABLES, _UNKNOWN = range(len(KINDS))

_STRUCT = 64  # bytes
# The map is mapped by pages of 2 MiB: so many struct pages at a time.
_PIECE = 2 << 20
_FLAGS, _HEAD, _MAPPING, _TYPE = 0, 1, 3, 6  # words
_OLD_SLAB = 1 << 9
_OLD_TABLE, _OLD_BUDDY = 0xFFFFFDFF, 0xFFFFFF7F
_NEW_TABLE, _NEW_SLABS = 0xF2, (0xF5, 0xF8)  # PGTY_table, PGTY_slab, PGTY_large_kmalloc


class Kinds(NamedTuple):
    """Kinds of pages: PFNs, ascending, and the index in :data:`KINDS` of each."""

    pfns: Numbers
    kinds: NDArray[np.int8]

    def names(self, pfns: Numbers) -> list[str]:
        """Return what each of these pages is used for."""
        return [KINDS[kind] for kind in self._of(pfns)]

    def cache(self, pfns: Numbers) -> int:
        """Return how many of these pages are page cache, or a tmpfs's."""
        return int((self._of(pfns) == _CACHE).sum())

    def content(self, pfns: Numbers) -> Numbers:
        """Return those of these pages that hold what a process or a file has."""
        return pfns[np.isin(self._of(pfns), (_ANON, _CACHE))]

    def _of(self, pfns: Numbers) -> NDArray[np.int8]:
        if not len(self.pfns):
            return np.full(len(pfns), _UNKNOWN, dtype=np.int8)
        at = np.minimum(np.searchsorted(self.pfns, pfns), len(self.pfns) - 1)
        return np.where(self.pfns[at] == pfns, self.kinds[at], np.int8(_UNKNOWN))


def kinds(memory: GuestMemory, base: int, physical: Callable[[int], int | None]) -> Kinds:
    """Return the kinds of all pages whose struct page can be found.

    :param base: ``vmemmap_base``: where the map of struct pages is mapped.
    :param physical: Translates the guest's virtual addresses, ``None`` where nothing is mapped.
    """
    per_piece = _PIECE // _STRUCT
    numbers = np.unique(memory.pfns() // per_piece).tolist()
    rows = {number: _rows(memory, base + number * _PIECE, physical) for number in numbers}
    there = {number: found for number, found in rows.items() if found is not None}
    old = any(_is_old(_structs(memory, found)) for found in there.values())
    none = np.empty(0, dtype=np.int64)
    pfns = [np.arange(number * per_piece, (number + 1) * per_piece) for number in there]
    found = [classify(_structs(memory, found), old=old) for found in there.values()]
    return Kinds(np.concatenate([none, *pfns]), np.concatenate([none.astype(np.int8), *found]))


def _rows(
    memory: GuestMemory, address: int, physical: Callable[[int], int | None]
) -> Numbers | None:
    """Return the rows of memory that hold a piece of the map."""
    first, last = physical(address), physical(address + _PIECE - PAGE_SIZE)
    if first is None or last != first + _PIECE - PAGE_SIZE:
        return None  # the edge of the map, in small pages
    rows = memory.rows(first // PAGE_SIZE + np.arange(_PIECE // PAGE_SIZE))
    return None if (rows < 0).any() else rows


def _structs(memory: GuestMemory, rows: Numbers) -> Words:
    words: Words = memory.pages[rows].view(np.uint64).reshape(-1, _STRUCT // 8)
    return words


def _types(structs: Words) -> Words:
    types: Words = structs[:, _TYPE] & np.uint64(0xFFFFFFFF)
    return types


def _is_old(structs: Words) -> bool:
    """Return whether free pages, of which there are always some, are marked as of old."""
    return bool((_types(structs) == _OLD_BUDDY).any())


def classify(structs: Words, *, old: bool) -> NDArray[np.int8]:
    """Return the kind of each struct page.

    :param structs: (n, 8) words.
    :param old: Whether types are bits that are missing, as up to v6.10.
    """
    flags, mapping, types = structs[:, _FLAGS], structs[:, _MAPPING], _types(structs)
    slab = (flags & _OLD_SLAB).astype(bool) if old else np.isin(types >> 24, _NEW_SLABS)
    tables = types == _OLD_TABLE if old else types >> 24 == _NEW_TABLE
    low = mapping & 3
    found = np.select(
        [slab, tables, low == 1, (mapping != 0) & (low == 0) & (mapping >> 56 == 0xFF)],
        [_SLAB, _TABLES, _ANON, _CACHE],
        default=_OTHER,
    ).astype(np.int8)
    # A page behind the first of several is of the first one's kind.
    heads = np.where(structs[:, _HEAD] & 1, 0, np.arange(len(structs)))
    return found[np.maximum.accumulate(heads)]
