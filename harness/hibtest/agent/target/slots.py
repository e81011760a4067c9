"""Where an image lies in a swap: a chain of pages that name its extents in order.

Each page of the map: u64 offset of the next one, 0 in the last; u64 number of entries, at most
255; pairs of u64 offset and u64 bytes. Whoever wrote it may have meant no good, so nothing is
followed that names a page outside the device, or one that was named before: what is read takes
no more time and memory than there are pages.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator

from hibtest.agent.errors import BadImage
from hibtest.agent.target.block import Block
from hibtest.agent.target.extents import Extent
from hibtest.linux.pages import PAGE

_MAP = struct.Struct("<QQ")
_ENTRIES = PAGE // _MAP.size - 1
_REGION = 1024  # pages that are kept account of in one number
_MOST_REGIONS = 1 << 20  # 4 TiB: kernels give slots side by side, and no image is as large


def write_map(block: Block, extents: list[Extent], slot: Callable[[], int]) -> int:
    """Write a map, its last page first; return the offset of its first one.

    :param slot: Returns the offset of one more page that is ours.
    """
    parts = [extents[at : at + _ENTRIES] for at in range(0, len(extents), _ENTRIES)]
    offsets = [slot() for _ in parts]
    for part, offset, following in zip(parts, offsets, [*offsets[1:], 0]):  # noqa: B905 (strict= is 3.10)
        packed = b"".join(_MAP.pack(*extent) for extent in part)
        page = _MAP.pack(following, len(part)) + packed
        block.write_page(page.ljust(PAGE, b"\0"), offset)
    return offsets[0]


def read_map(block: Block, first: int, reserved: Iterable[int]) -> Iterator[Extent]:
    """Yield the extents of an image, checked one by one.

    :param first: Offset of the map's first page.
    :param reserved: Offsets of pages that are no part of the stream: header and record.
    :raise BadImage: When the map names what is no page of the device, or a page twice.
    """
    named = _Named(block.size)
    for offset in reserved:
        named.add("header and record", Extent(offset, PAGE))
    following = first
    while following:
        at = following
        named.add("a page of the image's map", Extent(at, PAGE))
        page = block.read_page(at)
        following, _ = _MAP.unpack_from(page)
        try:
            for extent in _entries(page):
                named.add("the image", extent)
                yield extent
        except BadImage as error:
            error.found_at(at)
            raise


def _entries(page: bytes) -> Iterator[Extent]:
    _, count = _MAP.unpack_from(page)
    if count > _ENTRIES:
        raise BadImage(f"a page of the image's map has {count} entries")
    for place in range(_MAP.size, (count + 1) * _MAP.size, _MAP.size):
        yield Extent(*_MAP.unpack_from(page, place))


class _Named:
    """The pages that were named, a bit each; regions without any take no memory."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._regions: dict[int, int] = {}

    def add(self, what: str, extent: Extent) -> None:
        offset, size = extent
        if offset % PAGE or size % PAGE or not size or offset + size > self._size:
            raise BadImage(f"{what} has {size} bytes at {offset}, of a device of {self._size}")
        page, end = offset // PAGE, (offset + size) // PAGE
        while page < end:
            region, first = divmod(page, _REGION)
            last = min(end - region * _REGION, _REGION)
            bits = (1 << last) - (1 << first)
            before = self._regions.get(region, 0)
            if before & bits:
                raise BadImage(f"{what} has the page at {offset} or behind it a second time")
            self._regions[region] = before | bits
            page = region * _REGION + last
            if len(self._regions) > _MOST_REGIONS:
                raise BadImage(f"{what} lies in more than {_MOST_REGIONS} places of the device")
