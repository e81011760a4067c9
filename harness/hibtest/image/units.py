"""Compressed units: where each begins, and how it is decompressed.

A unit holds 32 pages (the last one fewer): u64 ``cmp_len``, so many compressed bytes, whatever
to the end of the page. Linux kernel, kernel/power/swap.c: LZO_* (v6.1 line 517), CMP_*
(v6.12 line 519, v7.3 line 505). The number of the kernel's threads changes nothing of it.

LZO is a plain LZO1X stream, LZ4 (since v6.9) a bare block.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import lz4.block  # type: ignore[import-untyped]
import numpy as np
from lzallright import LZOCompressor, LZOError

from hibtest.image.blocks import Blocks, Feed, Numbers, Pages
from hibtest.image.crc import update
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE

UNIT_PAGES = 32
UNIT_SIZE = UNIT_PAGES * PAGE_SIZE
MAX_CMP_LEN = UNIT_SIZE + UNIT_SIZE // 16 + 64 + 3 + 2  # lzo1x_worst_compress(), 139333
MAX_UNIT_BLOCKS = -(-(8 + MAX_CMP_LEN) // PAGE_SIZE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One compressed unit, not read yet.

    :ivar blocks: Where it lies.
    :ivar length: Its ``cmp_len``.
    :ivar pages: Pages it must come to.
    """

    blocks: Numbers
    length: int
    pages: int

    @property
    def block(self) -> int:
        """Block at which it begins."""
        return int(self.blocks[0])


def find_units(device: Blocks, numbers: Feed, pages: int, codec: str) -> Iterator[Unit]:
    """Yield the units of a stream; only their lengths are read.

    :param numbers: The blocks that hold them, in stream order.
    :param pages: Pages that all of them come to.
    :param codec: Name for messages, such as ``lzo``.
    :raise Damaged: When a length is illegal, or there are more or fewer blocks than it takes.
    """
    while pages:
        first = numbers.take(1)
        if not len(first):
            raise Damaged(f"ends {pages} pages early", field="swap map")
        block = int(first[0])
        length = device.read_word(block)
        if not 0 < length <= MAX_CMP_LEN:
            what = f"{length} is no length of {codec} data: 1 to {MAX_CMP_LEN}"
            raise Damaged(what, field="cmp_len", block=block)
        rest = numbers.take(-(-(8 + length) // PAGE_SIZE) - 1)
        blocks = np.concatenate([first, rest]) if len(rest) else first
        if len(blocks) * PAGE_SIZE < 8 + length:
            what = f"ends amid a unit of {length} bytes, {pages} pages early"
            raise Damaged(what, field="swap map", block=block)
        unit = Unit(blocks=blocks, length=length, pages=min(pages, UNIT_PAGES))
        pages -= unit.pages
        yield unit
    if len(more := numbers.take(1)):
        raise Damaged("goes on after the last unit", field="swap map end", block=int(more[0]))


def read_units(device: Blocks, units: Sequence[Unit], scratch: Pages) -> memoryview:
    """Read units that follow each other.

    Memory that is fresh costs as much as decompression: it is given, and can be used again.

    :param scratch: What they are read into: :data:`MAX_UNIT_BLOCKS` pages a unit.
    :return: Their blocks, without gaps.
    """
    numbers = np.concatenate([unit.blocks for unit in units])
    device.read_into(scratch[: len(numbers)], numbers, "unit")
    return scratch.reshape(-1).data


def decode(units: Sequence[Unit], raw: memoryview, codec: str, pages: Pages) -> int:
    """Decompress units that follow each other, and return their checksum.

    :param raw: Their blocks.
    :param codec: ``lzo`` or ``lz4``.
    :param pages: What they are decompressed into: (n, 4096) bytes, as many as they come to.
    :raise Damaged: When one cannot be decompressed, or does not come to its size.
    """
    memory = pages.reshape(-1).data
    begin, at, crc = 0, 0, 0
    for unit in units:
        out = _decompressed(unit, raw[begin + 8 : begin + 8 + unit.length], codec)
        memory[at : at + len(out)] = out
        crc = update(crc, out)  # now, while the processor has it at hand
        begin += len(unit.blocks) * PAGE_SIZE
        at += len(out)
    return crc


def _decompressed(unit: Unit, data: memoryview, codec: str) -> bytes:
    decompress, failure = CODECS[codec]
    try:
        out = decompress(data)
    except failure as error:
        what = f"does not decompress: {error}"
        raise Damaged(what, field=f"{codec} data", block=unit.block) from error
    if len(out) != unit.pages * PAGE_SIZE:
        what = f"comes to {len(out)} bytes, not {unit.pages * PAGE_SIZE}"
        field = "unit size" if len(out) < UNIT_SIZE else f"{codec} data"
        raise Damaged(what, field=field, block=unit.block)
    return out


def _lzo(data: memoryview | bytes) -> bytes:
    return LZOCompressor.decompress(data, UNIT_SIZE)


def _lz4(data: memoryview | bytes) -> bytes:
    return bytes(lz4.block.decompress(data, uncompressed_size=UNIT_SIZE))


CODECS: dict[str, tuple[Callable[[memoryview | bytes], bytes], type[Exception]]] = {
    "lzo": (_lzo, LZOError),
    "lz4": (_lz4, lz4.block.LZ4BlockError),
}
