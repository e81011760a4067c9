"""Writes small hibernation images, right ones and any kind of wrong ones.

What swsusp does, kernel/power/swap.c and snapshot.c of 6.1 to 7.3, in the few words it takes
when nothing has to be quick.
"""

import struct
import zlib
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import lz4.block  # type: ignore[import-untyped]
from lzallright import LZOCompressor

PAGE = 4096
UNIT = 32 * PAGE
END = (1 << 64) - 1
ZERO = 1 << 63
MAGIC = 0x23456789ABCDEF02


def page(seed: int) -> bytes:
    """Return a page that is neither zero nor like another, and can be compressed."""
    return struct.pack("<QQ", seed + 1, seed * 0x9E3779B97F4A7C15 % (1 << 64)) * 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """An image to be written.

    :ivar words: The PFN words of the stream, zero flags included.
    :ivar data: The data pages; default: one made-up page for every word without zero flag.
    :ivar codec: ``lzo``, ``lz4`` or ``none``.
    :ivar empty_tail: Whether a full map page is followed by an empty one (6.1, 6.12; not 7.3).
    :ivar offset: Block of the header.
    :ivar first: Block of the first map page, counted from the header.
    :ivar stride: Distance of the blocks that follow.
    :ivar info: Fields of the info page to be written otherwise.
    :ivar header: Fields of the header page to be written otherwise.
    :ivar room: Blocks after the last one used.
    """

    words: tuple[int, ...] = tuple(range(16, 116))
    data: tuple[bytes, ...] | None = None
    codec: str = "lzo"
    empty_tail: bool = True
    offset: int = 0
    first: int = 1
    stride: int = 1
    info: dict[str, int] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    room: int = 2

    def pages(self) -> tuple[bytes, ...]:
        """Return the data pages."""
        if self.data is not None:
            return self.data
        return tuple(page(word) for word in self.words if word < ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An image, and where its parts lie.

    :ivar disk: The whole swap area.
    :ivar maps: Blocks of the map pages.
    :ivar entries: Blocks in stream order; the first is the info page.
    :ivar units: Blocks at which units begin; empty when not compressed.
    """

    disk: bytes
    maps: tuple[int, ...]
    entries: tuple[int, ...]
    units: tuple[int, ...]


def stream(recipe: Recipe) -> list[bytes]:
    """Return the raw stream's pages: info, PFNs, data."""
    packed = b"".join(struct.pack("<Q", word) for word in recipe.words)
    if len(packed) % PAGE and recipe.words[-1] != END:
        packed += struct.pack("<Q", END)
    packed += bytes(-len(packed) % PAGE)
    meta = [packed[at : at + PAGE] for at in range(0, len(packed), PAGE)]
    data = list(recipe.pages())
    return [_info(recipe, 1 + len(meta) + len(data), len(data)), *meta, *data]


def write(recipe: Recipe) -> Written:
    """Write an image."""
    head, *rest = stream(recipe)
    parts = rest if recipe.codec == "none" else _units(b"".join(rest), recipe.codec)
    blocks = [head, *(part[at : at + PAGE] for part in parts for at in range(0, len(part), PAGE))]
    entries, maps, pages = _place(recipe, blocks)
    units, count = [], 1
    for part in parts if recipe.codec != "none" else []:
        units.append(entries[count])
        count += len(part) // PAGE
    crc = ~zlib.crc32(b"".join(rest), END & 0xFFFFFFFF) & 0xFFFFFFFF
    pages[recipe.offset] = _header(recipe, maps[0], crc)
    size = max(pages) + 1 + recipe.room
    disk = bytearray(size * PAGE)
    for number, content in pages.items():
        disk[number * PAGE : number * PAGE + PAGE] = content
    return Written(disk=bytes(disk), maps=tuple(maps), entries=tuple(entries), units=tuple(units))


def _info(recipe: Recipe, pages: int, image_pages: int) -> bytes:
    fields = {
        "jump": 0xFFFFFFFF8A000050,
        "phys": 0x3A000050,
        "cr3": 0x1F000000,
        "magic": MAGIC,
        "e820": 0x7E68CD06,
        "num_physpages": 1 << 20,
        "image_pages": image_pages,
        "pages": pages,
        "size": pages * PAGE,
    } | recipe.info
    get = fields.__getitem__
    record = struct.pack("<5Q", *map(get, ("jump", "phys", "cr3", "magic", "e820")))
    names = ("num_physpages", "image_pages", "pages", "size")
    counts = struct.pack("<Q8xQQQ", *map(get, names))
    return (record.ljust(400, b"\0") + counts).ljust(PAGE, b"\0")


def _header(recipe: Recipe, first_map: int, crc: int) -> bytes:
    compressed = {"lzo": 4, "lz4": 4 | 16, "none": 2}[recipe.codec]
    fields = {
        "hw_sig": 0,
        "crc32": crc if compressed & 4 else 0,
        "image": first_map,
        "flags": compressed | 1,
        "orig_sig": b"SWAPSPACE2",
        "sig": b"S1SUSPEND\0",
    } | recipe.header
    return bytes(4056) + struct.pack("<IIQI10s10s", *fields.values())


@cache
def _compressed(data: bytes, codec: str) -> bytes:
    if codec == "lz4":
        return bytes(lz4.block.compress(data, store_size=False))
    return LZOCompressor().compress(data)


def _units(data: bytes, codec: str) -> list[bytes]:
    found = []
    for at in range(0, len(data), UNIT):
        packed = _compressed(data[at : at + UNIT], codec)
        unit = struct.pack("<Q", len(packed)) + packed
        found.append(unit + b"\xa5" * (-len(unit) % PAGE))  # what lay in the buffer before
    return found


def _place(recipe: Recipe, blocks: list[bytes]) -> tuple[list[int], list[int], dict[int, bytes]]:
    """Give blocks their numbers and chain the map pages."""
    chains = [blocks[at : at + 511] for at in range(0, len(blocks), 511)]
    if recipe.empty_tail and len(chains[-1]) == 511:
        chains.append([])
    number = recipe.offset + recipe.first
    entries: list[int] = []
    maps: list[int] = []
    pages: dict[int, bytes] = {}
    for chain in chains:
        maps.append(number)
        for content in chain:
            number += recipe.stride
            pages[number] = content
            entries.append(number)
        number += recipe.stride
    for index, at in enumerate(maps):
        names = entries[index * 511 : (index + 1) * 511]
        following = maps[index + 1] if index + 1 < len(maps) else 0
        pages[at] = struct.pack("<512Q", *names, *[0] * (511 - len(names)), following)
    return entries, maps, pages
