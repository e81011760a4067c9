"""One view: many pages as they should be, against memory."""

import time
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from hibtest.cycle.proof.explain import Differences
from hibtest.cycle.proof.kernel import Memory, Numbers
from hibtest.evidence import View
from hibtest.image.compare import differing, not_zero
from hibtest.image.header import PAGE_SIZE
from hibtest.image.reader import Chunk

_ZERO = np.zeros(PAGE_SIZE, dtype=np.uint8)
_AT_A_TIME = 1024  # pages


def compare(
    chunks: Iterable[Chunk], zero_pfns: Numbers, memory: Memory, differences: Differences
) -> View:
    """Compare pages with memory.

    :param chunks: Pages as they should be.
    :param zero_pfns: Pages that should read as zero.
    :param differences: Takes in, and explains, those that differ.
    """
    began, count = time.monotonic(), 0
    for chunk in chunks:
        count += len(chunk.pfns)
        rows = memory.rows(chunk.pfns)
        for index in differing(memory.pages, rows, chunk.data):
            _take(differences, memory, chunk.pfns[index], rows[index], chunk.data[index])
    rows = memory.rows(zero_pfns)
    for index in not_zero(memory.pages, rows):
        _take(differences, memory, zero_pfns[index], rows[index], _ZERO)
    seconds = time.monotonic() - began
    return differences.view(pages=count, zeroes=len(zero_pfns), seconds=seconds)


def _take(
    differences: Differences,
    memory: Memory,
    pfn: np.int64,
    row: np.int64,
    expected: NDArray[np.uint8],
) -> None:
    if row < 0:
        differences.missing(int(pfn))
    else:
        differences.add(int(pfn), expected, memory.pages[row])


def pages_of(memory: Memory, pfns: Numbers) -> Iterator[Chunk]:
    """Yield pages of memory as if they were an image's."""
    rows = memory.rows(pfns)
    for first in range(0, len(pfns), _AT_A_TIME):
        part = slice(first, first + _AT_A_TIME)
        yield Chunk(pfns=pfns[part], data=memory.pages[rows[part]])
