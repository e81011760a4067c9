"""A device whose blocks lie in pieces of another, such as a logical volume."""

from bisect import bisect_right
from dataclasses import dataclass

from hibtest.image.blocks import Blocks
from hibtest.image.header import PAGE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """Blocks that follow each other: the first one's number here and below, and how many."""

    first: int
    below: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Extents(Blocks):
    """The blocks of a device that lies in pieces of another.

    :ivar device: The one below.
    :ivar extents: The pieces, in the order of their blocks here; without gaps.
    """

    device: Blocks
    extents: tuple[Extent, ...]

    def read_run(self, memory: memoryview, first: int) -> None:
        """See :meth:`Blocks.read_run`."""
        at = bisect_right(self.extents, first, key=lambda extent: extent.first) - 1
        while memory:
            extent = self.extents[at]
            skipped = first - extent.first
            count = min(len(memory) // PAGE_SIZE, extent.count - skipped)
            self.device.read_run(memory[: count * PAGE_SIZE], extent.below + skipped)
            memory, first, at = memory[count * PAGE_SIZE :], first + count, at + 1
