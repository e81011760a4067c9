"""Compressed units: where each begins, and how it is decompressed.

A unit holds 32 pages (the last one fewer): u64 ``cmp_len``, so many compressed bytes, whatever
to the end of the page. Linux kernel, kernel/power/swap.c: LZO_* (v6.1 line 517), CMP_*
(v6.12 line 519, v7.3 line 505). The number of the kernel's threads changes nothing of it.

LZO is a plain LZO1X stream, LZ4 (since v6.9) a bare block.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import lz4.block  # type: ignore[import-untyped]
import numpy as np
from lzallright import LZOCompressor, LZOError

from harness.image.blocks import Blocks, Numbers, Pages
from harness.image.damage import Damaged
from harness.image.header import PAGE_SIZE

UNIT_PAGES = 32
UNIT_SIZE = UNIT_PAGES * PAGE_SIZE
MAX_CMP_LEN = UNIT_SIZE + UNIT_SIZE // 16 + 64 + 3 + 2  # lzo1x_worst_compress(), 139333
MAX_UNIT_BLOCKS = -(-(8 + MAX_CMP_LEN) // PAGE_SIZE)

_WINDOW = 1024  # blocks read at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One compressed unit.

    :ivar block: Where it begins.
    :ivar data: Its ``cmp_len`` bytes.
    :ivar pages: Pages it must come to.
    """

    block: int
    data: memoryview
    pages: int


def read_units(device: Blocks, numbers: Numbers, pages: int, codec: str) -> Iterator[Unit]:
    """Yield the units of a stream.

    :param numbers: The blocks that hold them, in stream order.
    :param pages: Pages that all of them come to.
    :param codec: Name for messages, such as ``lzo``.
    :raise Damaged: When a length is illegal, or there are more or fewer blocks than it takes.
    """
    entry = 0
    if pages and not len(numbers):
        raise Damaged(f"ends before all {pages} pages", field="swap map")
    while pages:
        window = device.read(numbers[entry : entry + _WINDOW], "unit").reshape(-1).data
        at = 0
        while pages:
            unit = _unit(window[at:], int(numbers[min(entry, len(numbers) - 1)]), pages, codec)
            if unit is None:
                break
            used = _blocks(len(unit.data))
            at += used * PAGE_SIZE
            entry += used
            pages -= unit.pages
            yield unit
        if pages and not at:
            block = int(numbers[min(entry, len(numbers) - 1)])
            raise Damaged(f"ends {pages} pages early", field="swap map", block=block)
    if entry != len(numbers):
        what = f"goes on for {len(numbers) - entry} blocks after the last unit"
        raise Damaged(what, field="swap map end", block=int(numbers[entry]))


def _unit(window: memoryview, block: int, pages: int, codec: str) -> Unit | None:
    """Return the unit that begins a window, ``None`` when the window does not hold all of it."""
    if not window:
        return None
    length = int.from_bytes(window[:8], "little")
    if not 0 < length <= MAX_CMP_LEN:
        what = f"{length} is no length of {codec} data: 1 to {MAX_CMP_LEN}"
        raise Damaged(what, field="cmp_len", block=block)
    if _blocks(length) * PAGE_SIZE > len(window):
        return None
    return Unit(block=block, data=window[8 : 8 + length], pages=min(pages, UNIT_PAGES))


def _blocks(length: int) -> int:
    return -(-(8 + length) // PAGE_SIZE)


def decode(units: list[Unit], codec: str) -> Pages:
    """Decompress units that follow each other.

    :param codec: ``lzo`` or ``lz4``.
    :return: (n, 4096) bytes.
    :raise Damaged: When one cannot be decompressed, or does not come to its size.
    """
    decompress, failure = CODECS[codec]
    pages = np.empty((sum(unit.pages for unit in units), PAGE_SIZE), np.uint8)
    memory = pages.reshape(-1).data
    at = 0
    for unit in units:
        size = unit.pages * PAGE_SIZE
        try:
            out = decompress(unit.data)
        except failure as error:
            what = f"does not decompress: {error}"
            raise Damaged(what, field=f"{codec} data", block=unit.block) from error
        if len(out) != size:
            what = f"comes to {len(out)} bytes, not {size}"
            field = "unit size" if len(out) < UNIT_SIZE else f"{codec} data"
            raise Damaged(what, field=field, block=unit.block)
        memory[at : at + size] = out
        at += size
    return pages


def _lzo(data: memoryview) -> bytes:
    return LZOCompressor.decompress(data, UNIT_SIZE)


def _lz4(data: memoryview) -> bytes:
    return bytes(lz4.block.decompress(data, uncompressed_size=UNIT_SIZE))


CODECS: dict[str, tuple[Callable[[memoryview], bytes], type[Exception]]] = {
    "lzo": (_lzo, LZOError),
    "lz4": (_lz4, lz4.block.LZ4BlockError),
}
