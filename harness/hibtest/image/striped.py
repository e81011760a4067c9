"""A striped device: chunks in turn from each of those below (drivers/md/dm-stripe.c, v6.1)."""

from dataclasses import dataclass

from hibtest.image.blocks import Blocks
from hibtest.image.pieces import Piece, Pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Striped(Pieces):
    """The blocks of a striped device.

    :ivar devices: Those below.
    :ivar chunk: Blocks that lie on one before the next has its turn.
    """

    devices: tuple[Blocks, ...]
    chunk: int

    def piece(self, first: int) -> Piece:
        """See :meth:`Pieces.piece`."""
        number, skipped = divmod(first, self.chunk)
        row, turn = divmod(number, len(self.devices))
        return Piece(self.devices[turn], row * self.chunk + skipped, self.chunk - skipped)


def striped(*devices: Blocks, chunk: int) -> Striped:
    """Return a striped device.

    :param chunk: Its chunk in blocks.
    """
    rows = min(device.count for device in devices) // chunk
    count = rows * chunk * len(devices)
    return Striped(name=devices[0].name, count=count, devices=devices, chunk=chunk)
