"""A device that lies in a few pieces of another, such as a logical volume."""

from bisect import bisect_right
from dataclasses import dataclass

from hibtest.image.blocks import Blocks
from hibtest.image.damage import Damaged
from hibtest.image.pieces import Piece, Pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """Blocks that follow each other: the first one's number here and below, and how many."""

    first: int
    below: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Extents(Pieces):
    """The blocks of a device that lies in pieces of another.

    :ivar device: The one below.
    :ivar extents: The pieces, in the order of their blocks here; without gaps.
    """

    device: Blocks
    extents: tuple[Extent, ...]

    def piece(self, first: int) -> Piece:
        """See :meth:`Pieces.piece`."""
        at = bisect_right(self.extents, first, key=lambda extent: extent.first) - 1
        extent = self.extents[at]
        skipped = first - extent.first
        return Piece(self.device, extent.below + skipped, extent.count - skipped)


def part_of(device: Blocks, below: int) -> Extents:
    """Return what lies on a device from a block on.

    :raise Damaged: When it ends before.
    """
    count = device.count - below
    if count <= 0:
        raise Damaged(f"the device has {device.count} blocks", field="data", block=below)
    extent = Extent(first=0, below=below, count=count)
    return Extents(name=device.name, count=count, device=device, extents=(extent,))
