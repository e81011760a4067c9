"""Pages against pages: which of them differ.

Rows of a guest's memory are found by number, pages of an image come one after another. Where
rows follow one another too, as most do, both are compared in one sweep with memcmp(3).
"""

import ctypes
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hibtest.image.header import PAGE_SIZE

Pages = NDArray[np.uint8]  # (n, 4096)
Rows = NDArray[np.int64]  # (n,)

# Pages that are gathered at a time where rows are scattered: they stay in the CPU's cache.
_GATHERED = 256
# So many pages per sweep make a sweep quicker than gathering.
_SWEEP = 4

_memcmp = ctypes.CDLL(None).memcmp
_memcmp.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_memcmp.restype = ctypes.c_int


def differing(memory: Pages, rows: Rows, pages: Pages) -> Rows:
    """Return the indexes of the pages that differ from the row of memory they belong to.

    :param memory: (m, 4096) bytes.
    :param rows: (n,) the row of ``memory`` of each page; a negative one always differs.
    :param pages: (n, 4096) bytes.
    """
    wrong = rows < 0
    if wrong.any():
        inside = np.flatnonzero(~wrong)
        found = inside[differing(memory, rows[inside], pages[inside])]
        return np.sort(np.concatenate([np.flatnonzero(wrong), found]))
    if not len(rows):
        return np.empty(0, dtype=np.int64)
    ends = np.flatnonzero(np.diff(rows) != 1) + 1
    if len(rows) < _SWEEP * (len(ends) + 1):
        return _gathered(memory, rows, pages)
    return _swept(memory, rows, pages, ends)


def not_zero(memory: Pages, rows: Rows) -> Rows:
    """Return the indexes of the rows of memory that hold anything but zero, or are negative."""
    found = [
        first + np.flatnonzero(_words(memory)[rows[first : first + _GATHERED]].any(axis=1))
        for first in range(0, len(rows), _GATHERED)
    ]
    wrong = np.flatnonzero(rows < 0)
    return np.unique(np.concatenate([wrong, *found])).astype(np.int64)


def _swept(memory: Pages, rows: Rows, pages: Pages, ends: Rows) -> Rows:
    found = [
        first + _gathered(memory, rows[first:last], pages[first:last])
        for first, last in _unequal(memory, rows, pages, ends)
    ]
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def _unequal(memory: Pages, rows: Rows, pages: Pages, ends: Rows) -> Iterator[tuple[int, int]]:
    """Yield the sweeps, first and last index, in which something differs."""
    base, data = memory.ctypes.data, np.ascontiguousarray(pages)
    here, first = data.ctypes.data, 0
    for last in (*ends.tolist(), len(rows)):
        there = base + int(rows[first]) * PAGE_SIZE
        if _memcmp(there, here + first * PAGE_SIZE, (last - first) * PAGE_SIZE):
            yield first, last
        first = last


def _gathered(memory: Pages, rows: Rows, pages: Pages) -> Rows:
    found = []
    for first in range(0, len(rows), _GATHERED):
        part = slice(first, first + _GATHERED)
        wrong = (_words(memory)[rows[part]] != _words(pages[part])).any(axis=1)
        found.append(first + np.flatnonzero(wrong))
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def _words(pages: Pages) -> NDArray[np.uint64]:
    return pages.view(np.uint64)
