"""The pages of an image after its info page, in order: PFN pages, then data pages.

Linux kernel, kernel/power/snapshot.c, snapshot_read_next() (v6.1 line 2132, v6.12 line 2241,
v7.3 line 2235).
"""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np

from harness.image.blocks import Blocks, Numbers, Pages
from harness.image.damage import Damaged
from harness.image.units import decode, read_units

CHUNK_PAGES = 256
_UNITS = 8  # of 32 pages: a chunk
_MOST_THREADS = 32  # bounds the memory of the chunks in flight: about 2 MiB each


class Stream(Protocol):
    """Where an image's pages come from."""

    def head(self) -> Iterator[Pages]:
        """Yield the pages for somebody who wants only the first of them."""

    def all(self) -> Iterator[Pages]:
        """Yield all pages, some hundreds at a time, as quickly as can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainStream:
    """Pages that lie in blocks as they are: an uncompressed image."""

    device: Blocks
    numbers: Numbers

    def head(self) -> Iterator[Pages]:
        """See :class:`Stream`."""
        return self.all()

    def all(self) -> Iterator[Pages]:
        """See :class:`Stream`."""
        for first in range(0, len(self.numbers), CHUNK_PAGES):
            yield self.device.read(self.numbers[first : first + CHUNK_PAGES], "data page")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawStream:
    """Pages that follow each other, as they were read from ``/dev/snapshot``.

    :ivar first: Block of the first one.
    """

    device: Blocks
    first: int
    pages: int

    def head(self) -> Iterator[Pages]:
        """See :class:`Stream`."""
        return self.all()

    def all(self) -> Iterator[Pages]:
        """See :class:`Stream`."""
        end = self.first + self.pages
        for at in range(self.first, end, CHUNK_PAGES):
            numbers = np.arange(at, min(at + CHUNK_PAGES, end), dtype=np.int64)
            yield self.device.read(numbers, "page")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedStream:
    """Pages in compressed units.

    The codecs let go of Python's lock, so threads decompress on all cores.

    :ivar numbers: Blocks of the units.
    :ivar pages: How many pages they must come to.
    :ivar codec: ``lzo`` or ``lz4``.
    """

    device: Blocks
    numbers: Numbers
    pages: int
    codec: str

    def head(self) -> Iterator[Pages]:
        """See :class:`Stream`."""
        for unit in read_units(self.device, self.numbers, self.pages, self.codec):
            yield decode([unit], self.codec)

    def all(self) -> Iterator[Pages]:
        """See :class:`Stream`."""
        units = read_units(self.device, self.numbers, self.pages, self.codec)
        if self.pages <= CHUNK_PAGES:  # not worth a thread
            if group := list(units):
                yield decode(group, self.codec)
            return
        threads = min(os.cpu_count() or 1, _MOST_THREADS)
        pool = ThreadPoolExecutor(threads)
        waiting: deque[Future[Pages]] = deque()
        try:
            while group := list(islice(units, _UNITS)):
                waiting.append(pool.submit(decode, group, self.codec))
                if len(waiting) > threads + 1:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def plain(device: Blocks, numbers: Numbers, pages: int) -> PlainStream:
    """Return the stream of an uncompressed image: one page a block.

    :raise Damaged: When there are more or fewer blocks than pages.
    """
    if len(numbers) != pages:
        where = int(numbers[min(pages, len(numbers) - 1)]) if len(numbers) else None
        what = f"names {len(numbers)} blocks for {pages} pages"
        field = "swap map" if len(numbers) < pages else "swap map end"
        raise Damaged(what, field=field, block=where)
    return PlainStream(device=device, numbers=numbers)
