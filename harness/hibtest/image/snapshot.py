"""A persistent snapshot: chunks of its store, where it has them, else of its origin.

The store begins with a header; areas follow, each a chunk of exceptions and the chunks that these
lead to (drivers/md/dm-snap-persistent.c, 6.1 to 7.3).
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hibtest.errors import SpecError
from hibtest.image.blocks import Blocks
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE
from hibtest.image.pieces import Piece, Pieces

_HEADER = struct.Struct("<4I")  # magic, whether it is valid, version, sectors of a chunk
_MAGIC = 0x70416E53
_VERSION = 1
_SECTOR = 512
_EXCEPTION = 16  # bytes: the chunk of the origin, the chunk of the store
_FIELD = "snapshot's store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot(Pieces):
    """The blocks of a snapshot.

    :ivar origin: What it is a snapshot of.
    :ivar store: Where what differs lies.
    :ivar chunk: Blocks of a chunk.
    :ivar exceptions: Chunks of the store, by those of the origin.
    """

    origin: Blocks
    store: Blocks
    chunk: int
    exceptions: Mapping[int, int]

    def piece(self, first: int) -> Piece:
        """See :meth:`Pieces.piece`."""
        number, skipped = divmod(first, self.chunk)
        found = self.exceptions.get(number)
        if found is not None:
            return Piece(self.store, found * self.chunk + skipped, self.chunk - skipped)
        return Piece(self.origin, first, self.chunk - skipped)


def snapshot(origin: Blocks, store: Blocks) -> Snapshot:
    """Return a snapshot.

    :raise SpecError: When there is none in the store.
    :raise HostError: When a device cannot be read.
    :raise Damaged: When the store is not as it should be.
    """
    magic, valid, version, sectors = _HEADER.unpack(store.peek(0, _HEADER.size).ljust(16, b"\0"))
    if magic != _MAGIC:
        raise SpecError(f"{store.name}: there is no persistent snapshot")
    size = sectors * _SECTOR
    if version != _VERSION or not size or size & (size - 1) or not PAGE_SIZE <= size <= 1 << 24:
        what = f"version {version}, chunks of {size} bytes"
        raise Damaged(what, field=_FIELD, block=0)
    if not valid:
        raise Damaged("the kernel has given it up", field=_FIELD, block=0)
    chunk = size // PAGE_SIZE
    exceptions: dict[int, int] = {}
    for old, new in _exceptions(store, chunk):
        if exceptions.setdefault(old, new) != new:
            raise Damaged(f"chunk {old} is there twice", field=_FIELD)
    return Snapshot(
        name=origin.name,
        count=origin.count,
        tail=origin.tail,
        origin=origin,
        store=store,
        chunk=chunk,
        exceptions=exceptions,
    )


def _exceptions(store: Blocks, chunk: int) -> Iterator[tuple[int, int]]:
    """Yield the exceptions of all areas, as far as they go: the first that leads to 0 is none."""
    each = chunk * PAGE_SIZE // _EXCEPTION
    chunks = store.count // chunk
    for area in range(1, chunks, each + 1):
        page = store.read(np.arange(area * chunk, (area + 1) * chunk), _FIELD)
        for old, new in page.reshape(-1).view("<u8").reshape(each, 2).tolist():
            if not new:
                return
            if new >= chunks or (new - 1) % (each + 1) == 0:
                raise Damaged(f"chunk {old} at {new}", field=_FIELD, block=area * chunk)
            yield old, new
