"""Pages of memory by page frame number."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hibtest.image.reader import Chunk

Numbers = NDArray[np.int64]
Page = NDArray[np.uint8]  # (4096,)
_AT_A_TIME = 1024  # pages


class Memory(Protocol):
    """The guest's memory now, or pages that were kept."""

    @property
    def pages(self) -> NDArray[np.uint8]:
        """(n, 4096) bytes."""

    def rows(self, pfns: Numbers) -> Numbers:
        """Return the row of each PFN, -1 where there is none."""


def pages_of(memory: Memory, pfns: Numbers) -> Iterator[Chunk]:
    """Yield pages of memory as if they were an image's."""
    rows = memory.rows(pfns)
    for first in range(0, len(pfns), _AT_A_TIME):
        part = slice(first, first + _AT_A_TIME)
        yield Chunk(pfns=pfns[part], data=memory.pages[rows[part]])
