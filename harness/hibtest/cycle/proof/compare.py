"""One view: many pages against memory."""

import time
from collections.abc import Iterable

import numpy as np

from hibtest.cycle.proof.explain import Differences
from hibtest.cycle.proof.pages import Memory, Numbers, Page
from hibtest.evidence import View
from hibtest.image.compare import differing, not_zero
from hibtest.image.header import PAGE_SIZE
from hibtest.image.reader import Chunk

_ZERO = np.zeros(PAGE_SIZE, dtype=np.uint8)
_FLAGGED = "the image flags it as zero"


def compare(
    chunks: Iterable[Chunk],
    zero_pfns: Numbers,
    memory: Memory,
    differences: Differences,
    *,
    memory_is_right: bool = False,
) -> View:
    """Compare pages with memory.

    :param chunks: Pages of an image, or of memory at another time.
    :param zero_pfns: Pages that are zero there, without data.
    :param differences: Takes in, and explains, those that differ.
    :param memory_is_right: Whether memory is what is expected, and the pages what is found; else
        it is the other way.
    """
    began, count = time.monotonic(), 0

    def take(pfn: np.int64, row: np.int64, page: Page, how: str = "") -> None:
        if row < 0:
            differences.missing(int(pfn))
            return
        held = memory.pages[row]
        expected, found = (held, page) if memory_is_right else (page, held)
        differences.add(int(pfn), expected, found, how)

    for chunk in chunks:
        count += len(chunk.pfns)
        rows = memory.rows(chunk.pfns)
        for index in differing(memory.pages, rows, chunk.data):
            take(chunk.pfns[index], rows[index], chunk.data[index])
    rows = memory.rows(zero_pfns)
    for index in not_zero(memory.pages, rows):
        take(zero_pfns[index], rows[index], _ZERO, _FLAGGED)
    seconds = time.monotonic() - began
    return differences.view(pages=count, zeroes=len(zero_pfns), seconds=seconds)
