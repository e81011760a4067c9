"""Pages of a guest's memory as they were at one instant, kept in a file.

Not in memory: a snapshot may be half of a guest's RAM. The file has no name and is gone with
whoever has it open.
"""

import mmap
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hibtest.cycle.proof.pages import Numbers
from hibtest.errors import HostError
from hibtest.image.header import PAGE_SIZE
from hibtest.machine.memory import GuestMemory

_AT_A_TIME = 4096  # pages: 16 MiB
_SPARING = 8  # chunks, of some hundreds of pages each
T = TypeVar("T")


class Kept:
    """Pages that were kept.

    :ivar pfns: Their page frame numbers, ascending.
    :ivar pages: (n, 4096) what they held, read-only.
    """

    def __init__(self, memory: GuestMemory, pfns: Numbers, directory: Path) -> None:
        """Keep the pages of these PFNs that the guest has RAM for.

        :param directory: Where the file system has room for them.
        :raise HostError: When it has not.
        """
        rows = memory.rows(pfns)
        self.pfns = pfns[rows >= 0]
        rows = rows[rows >= 0]
        try:
            self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 (close() ends it)
            for first in range(0, len(rows), _AT_A_TIME):
                self._file.write(memory.pages[rows[first : first + _AT_A_TIME]].data)
            self._file.flush()
        except OSError as error:
            raise HostError(
                f"{directory}: {len(rows)} pages of the guest's memory cannot be kept: "
                f"{error.strerror}",
                hint="free some room there, or go without the proof (--no-proof)",
            ) from error
        self._map = mmap.mmap(self._file.fileno(), 0, prot=mmap.PROT_READ) if len(rows) else None

    @property
    def pages(self) -> NDArray[np.uint8]:
        """(n, 4096) what the pages held."""
        if self._map is None:
            return np.empty((0, PAGE_SIZE), dtype=np.uint8)
        return np.frombuffer(self._map, dtype=np.uint8).reshape(-1, PAGE_SIZE)

    def rows(self, pfns: Numbers) -> Numbers:
        """Return the row in :attr:`pages` of each PFN, -1 where it was not kept."""
        if not len(self.pfns):
            return np.full(pfns.shape, -1, dtype=np.int64)
        rows = np.minimum(np.searchsorted(self.pfns, pfns), len(self.pfns) - 1)
        return np.where(self.pfns[rows] == pfns, rows, -1)

    def sparing(self, chunks: Iterable[T]) -> Iterator[T]:
        """Yield what is compared with these pages, and give back the memory they take again.

        Pages of a mapped file count as the reader's memory once they were read.
        """
        for number, chunk in enumerate(chunks, 1):
            yield chunk
            if self._map is not None and number % _SPARING == 0:
                self._map.madvise(mmap.MADV_DONTNEED)
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Forget the pages."""
        self._map = None
        self._file.close()
