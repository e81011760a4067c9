"""The pages of an image after its info page, in order: PFN pages, then data pages.

Linux kernel, kernel/power/snapshot.c, snapshot_read_next() (v6.1 line 2132, v6.12 line 2241,
v7.3 line 2235).
"""

import os
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np

from hibtest.image.blocks import Blocks, Feed, Pages
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE
from hibtest.image.swapmap import SwapMap
from hibtest.image.units import MAX_UNIT_BLOCKS, UNIT_PAGES, Unit, decode, find_units, read_units

CHUNK_PAGES = 512
_UNITS = CHUNK_PAGES // UNIT_PAGES
_MOST_THREADS = 24  # bounds the memory in use: about 4 MiB each


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some hundreds of pages of a stream.

    :ivar pages: (n, 4096) bytes.
    :ivar crc: The kernel's checksum of them, if the stream is one that has a checksum.
    """

    pages: Pages
    crc: int = 0


class Stream(Protocol):
    """Where an image's pages come from."""

    def head(self) -> Generator[Pages]:
        """Yield the pages for somebody who wants only the first of them."""

    def parts(self) -> Iterator[Part]:
        """Yield all pages, as quickly as can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainStream:
    """Pages that lie in blocks as they are: an uncompressed image."""

    device: Blocks
    swap_map: SwapMap

    def head(self) -> Generator[Pages]:
        """See :class:`Stream`."""
        return (part.pages for part in self.parts())

    def parts(self) -> Iterator[Part]:
        """See :class:`Stream`."""
        numbers = after_info(self.swap_map)
        while len(some := numbers.take(CHUNK_PAGES)):
            yield Part(pages=self.device.read(some, "page"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RawStream:
    """Pages that follow each other, as they were read from ``/dev/snapshot``.

    :ivar first: Block of the first one.
    """

    device: Blocks
    first: int
    pages: int

    def head(self) -> Generator[Pages]:
        """See :class:`Stream`."""
        return (part.pages for part in self.parts())

    def parts(self) -> Iterator[Part]:
        """See :class:`Stream`."""
        end = self.first + self.pages
        for at in range(self.first, end, CHUNK_PAGES):
            numbers = np.arange(at, min(at + CHUNK_PAGES, end), dtype=np.int64)
            yield Part(pages=self.device.read(numbers, "page"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedStream:
    """Pages in compressed units.

    The codecs let go of Python's lock, so threads decompress on all cores.

    :ivar swap_map: Where the units lie.
    :ivar pages: How many pages they must come to.
    :ivar codec: ``lzo`` or ``lz4``.
    """

    device: Blocks
    swap_map: SwapMap
    pages: int
    codec: str

    def head(self) -> Generator[Pages]:
        """See :class:`Stream`."""
        for unit in self._units():
            yield self._part([unit], _fresh([unit])).pages

    def parts(self) -> Iterator[Part]:
        """See :class:`Stream`."""
        units = self._units()
        if self.pages <= CHUNK_PAGES:  # not worth a thread
            if group := list(units):
                yield self._part(group, _fresh(group))
            return
        threads = min(os.cpu_count() or 1, _MOST_THREADS)
        pool = ThreadPoolExecutor(threads)
        waiting: deque[Future[Part]] = deque()
        try:
            while group := list(islice(units, _UNITS)):
                waiting.append(pool.submit(self._part, group, _fresh(group)))
                if len(waiting) > threads + 1:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _units(self) -> Iterator[Unit]:
        return find_units(self.device, after_info(self.swap_map), self.pages, self.codec)

    def _part(self, units: Sequence[Unit], pages: Pages) -> Part:
        raw = read_units(self.device, units, _SCRATCH.pages)
        return Part(pages=pages, crc=decode(units, raw, self.codec, pages))


class _Scratch(threading.local):
    """Memory of each thread to read units into."""

    def __init__(self) -> None:
        self.pages = np.empty((_UNITS * MAX_UNIT_BLOCKS, PAGE_SIZE), np.uint8)


_SCRATCH = _Scratch()


def _fresh(units: Sequence[Unit]) -> Pages:
    """Return memory for what units come to."""
    return np.empty((sum(unit.pages for unit in units), PAGE_SIZE), np.uint8)


def after_info(swap_map: SwapMap) -> Feed:
    """Return the blocks of a stream, those after the info page."""
    numbers = Feed(swap_map.pieces())
    numbers.take(1)
    return numbers


def plain(device: Blocks, swap_map: SwapMap, pages: int) -> PlainStream:
    """Return the stream of an uncompressed image: one page a block.

    :raise Damaged: When there are more or fewer blocks than pages.
    """
    blocks = swap_map.count - 1
    if blocks != pages:
        what = f"names {blocks} blocks for {pages} pages"
        field = "swap map" if blocks < pages else "swap map end"
        raise Damaged(what, field=field, block=swap_map.block(min(pages + 1, blocks)))
    return PlainStream(device=device, swap_map=swap_map)
