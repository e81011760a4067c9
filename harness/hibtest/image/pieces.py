"""A device whose blocks lie in pieces of others: a logical volume, a stripe, a snapshot."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from hibtest.image.blocks import Blocks
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE


@dataclass(frozen=True, slots=True)
class Piece:
    """Blocks that follow each other.

    :ivar device: Where they lie; ``None``: nowhere, and they read as zeros.
    :ivar below: The first one's number there.
    :ivar count: How many there are.
    """

    device: Blocks | None
    below: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces(Blocks):
    """The blocks of a device that lies in pieces of others."""

    @abstractmethod
    def piece(self, first: int) -> Piece:
        """Return where a block lies, which is there, and those behind it that lie with it.

        :raise Damaged: When what tells it is not as it should be.
        """

    def is_hole(self, first: int, count: int) -> bool:
        """See :meth:`Blocks.is_hole`."""
        return all(
            one.device is None or one.device.is_hole(one.below, one.count)
            for one in self._run(first, count)
        )

    def read_run(self, memory: memoryview, first: int) -> None:
        """See :meth:`Blocks.read_run`.

        :raise Damaged: When a piece ends outside the device that it lies on.
        """
        for one in self._run(first, len(memory) // PAGE_SIZE):
            size = one.count * PAGE_SIZE
            if one.device is None:
                memory[:size] = bytes(size)
            else:
                one.device.read_run(memory[:size], one.below)
            memory = memory[size:]

    def _run(self, first: int, count: int) -> Iterator[Piece]:
        while count:
            found = self.piece(first)
            here = min(count, found.count)
            device, below = found.device, found.below
            if device is not None and not 0 <= below <= device.count - here:
                what = f"lies at {below} of a device of {device.count} blocks"
                raise Damaged(what, field=type(self).__name__.lower(), block=first)
            yield Piece(device, below, here)
            first, count = first + here, count - here
