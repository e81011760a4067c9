"""A thin device, found through the B-tree of its pool's metadata.

A superblock leads to a tree by device, whose values lead to trees by block of the device; their
values are blocks of the pool's data, shifted by 24 bits of time. Nodes are 4096 bytes, each with
its own number and checksum: drivers/md/dm-thin-metadata.c, drivers/md/persistent-data/
dm-btree-internal.h, dm-btree-spine.c (6.1 to 7.3).
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hibtest.errors import SpecError
from hibtest.image.blocks import Blocks
from hibtest.image.crc32c import ONES, crc32c
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE
from hibtest.image.pieces import Piece, Pieces

_SUPER = struct.Struct("<IIQ16sQIIQQ128s128sQQII")
_MAGIC, _VERSIONS = 27022010, (1, 2)
_SUPER_XOR, _NODE_XOR = 160774, 121107
_NODE = struct.Struct("<IIQIIII")  # csum, flags, own number, entries, room, size of a value
_INTERNAL, _LEAF = 1, 2
_TIME_BITS = 24
_SECTOR = 512
_DEEPEST = 16
_FIELD = "thin pool's metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thin(Pieces):
    """The blocks of a thin device.

    :ivar data: The pool's.
    :ivar chunk: Our blocks in one of the pool's.
    :ivar mapped: Blocks of the pool's data, by those of the device.
    """

    data: Blocks
    chunk: int
    mapped: Mapping[int, int]

    def piece(self, first: int) -> Piece:
        """See :meth:`Pieces.piece`."""
        number, skipped = divmod(first, self.chunk)
        found = self.mapped.get(number)
        device = None if found is None else self.data
        return Piece(device, (found or 0) * self.chunk + skipped, self.chunk - skipped)


def thin(data: Blocks, metadata: Blocks, *, number: int) -> Thin:
    """Return a thin device as large as its pool.

    :param number: The device's in the pool.
    :raise SpecError: When there is no pool, or no such device in it.
    :raise HostError: When a device cannot be read.
    :raise Damaged: When the pool's metadata are not as they should be.
    """
    page = metadata.peek(0, PAGE_SIZE).ljust(PAGE_SIZE, b"\0")
    fields = _SUPER.unpack_from(page)
    csum, at, magic, version, root, sectors = (fields[n] for n in (0, 2, 4, 5, 11, 13))
    if magic != _MAGIC:
        raise SpecError(f"{metadata.name}: there is no thin pool")
    _require_sum(page, csum, _SUPER_XOR, 0)
    size = sectors * _SECTOR
    if version not in _VERSIONS or at or not size or size % PAGE_SIZE:
        what = f"version {version}, blocks of {size} bytes"
        raise Damaged(what, field=_FIELD, block=0)
    roots = dict(_Tree(metadata).entries(root))
    if number not in roots:
        raise SpecError(f"{metadata.name}: there is no thin device {number}")
    chunk = size // PAGE_SIZE
    mapped = {key: value >> _TIME_BITS for key, value in _Tree(metadata).entries(roots[number])}
    count = data.count // chunk * chunk
    return Thin(name=data.name, count=count, data=data, chunk=chunk, mapped=mapped)


class _Tree:
    """A walk through a tree, in which each node may be met once."""

    def __init__(self, metadata: Blocks) -> None:
        self._metadata = metadata
        self._met: set[int] = set()

    def entries(self, number: int, depth: int = 0) -> Iterator[tuple[int, int]]:
        """Yield keys and values, u64 each, of the tree below a node."""
        internal, pairs = self._node(number)
        if depth > _DEEPEST:
            raise Damaged(f"a tree {depth} deep", field=_FIELD, block=number)
        for key, value in pairs:
            if internal:
                yield from self.entries(value, depth + 1)
            else:
                yield key, value

    def _node(self, number: int) -> tuple[bool, list[tuple[int, int]]]:
        if number in self._met:
            raise Damaged("a node that is there twice", field=_FIELD, block=number)
        self._met.add(number)
        page = self._metadata.read_one(number, _FIELD).tobytes()
        csum, flags, own, entries, room, value_size, _ = _NODE.unpack_from(page)
        _require_sum(page, csum, _NODE_XOR, number)
        fits = entries <= room and _NODE.size + room * 16 <= PAGE_SIZE
        if own != number or value_size != 8 or flags not in {_INTERNAL, _LEAF} or not fits:
            what = f"node {own}, {entries} entries of {room}, {value_size} bytes each"
            raise Damaged(what, field=_FIELD, block=number)
        keys = struct.unpack_from(f"<{entries}Q", page, _NODE.size)
        values = struct.unpack_from(f"<{entries}Q", page, _NODE.size + room * 8)
        return flags == _INTERNAL, list(zip(keys, values, strict=True))


def _require_sum(page: bytes, stored: int, xor: int, number: int) -> None:
    found = crc32c(ONES, page[4:]) ^ xor
    if found != stored:
        what = f"its checksum is {found:#x}, not {stored:#x}"
        raise Damaged(what, field=_FIELD, block=number)
