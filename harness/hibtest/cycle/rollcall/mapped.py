"""Which pages a process may read and write: its page tables, read from memory."""

import numpy as np
from numpy.typing import NDArray

from hibtest.cycle.proof import x86_64
from hibtest.cycle.proof.pages import Memory, Numbers
from hibtest.errors import GuestError
from hibtest.image.header import PAGE_SIZE

Which = NDArray[np.bool_]
_MOST = 1 << 14  # tables on one level: those of 32 GiB
_WRITABLE = np.uint64(1)  # in the address of a table, whose lowest bits are free


def mapped(memory: Memory, pfns: Numbers, table: int, levels: int) -> tuple[Which, Which]:
    """Return which of some pages a page table maps for the process itself, and which to write to.

    A table that is not in memory maps nothing; each is looked at once, wherever it is named.

    :raise GuestError: When there are more tables than can be.
    :param table: Physical address of the uppermost table.
    :param levels: How many there are above one another.
    """
    tables = np.array([table], dtype=np.uint64) | _WRITABLE
    read, write = np.zeros(len(pfns), dtype=np.bool_), np.zeros(len(pfns), dtype=np.bool_)
    for level in range(levels, 0, -1):
        if len(tables) > _MOST:
            raise GuestError(f"{len(tables)} page tables of one process on one level are none")
        rows = memory.rows(_frames(tables))
        entries = memory.pages[rows[rows >= 0]].view(np.uint64)
        if level == levels:
            entries = entries[:, : x86_64.ENTRIES // 2]  # the upper half is the kernel's
        above = tables[rows >= 0, None] & _WRITABLE != 0
        may_write = (entries & x86_64.WRITABLE != 0) & above
        there = entries & x86_64.USER == x86_64.USER
        last = there & _is_last(entries, level)
        pages = x86_64.ENTRIES ** (level - 1)
        read |= _among(pfns, entries[last], pages)
        write |= _among(pfns, entries[last & may_write], pages)
        more = there & ~last
        tables = np.unique(entries[more] & x86_64.FRAME | may_write[more].astype(np.uint64))
    return read, write


def _frames(entries: NDArray[np.uint64]) -> Numbers:
    return (entries & x86_64.FRAME).astype(np.int64) // PAGE_SIZE


def _is_last(entries: NDArray[np.uint64], level: int) -> Which:
    if level == 1:
        return np.ones(entries.shape, dtype=np.bool_)
    which: Which = entries & x86_64.LARGE != 0
    return which


def _among(pfns: Numbers, entries: NDArray[np.uint64], pages: int) -> Which:
    """Return which pages lie in one of those that entries map, each so many pages long."""
    which: Which = np.isin(pfns // pages, _frames(entries) // pages)
    return which
