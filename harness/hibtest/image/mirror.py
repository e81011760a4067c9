"""A mirror: its devices hold the same, or it is not known what a guest would read."""

from dataclasses import dataclass

from hibtest.image.blocks import Blocks
from hibtest.image.damage import Damaged
from hibtest.image.extents import part_of
from hibtest.image.header import PAGE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored(Blocks):
    """The blocks of a mirror.

    :ivar devices: Those below, without what the mirror itself keeps on them.
    """

    devices: tuple[Blocks, ...]

    def is_hole(self, first: int, count: int) -> bool:
        """See :meth:`Blocks.is_hole`."""
        return all(device.is_hole(first, count) for device in self.devices)

    def read_run(self, memory: memoryview, first: int) -> None:
        """See :meth:`Blocks.read_run`.

        :raise Damaged: When the devices differ.
        """
        self.devices[0].read_run(memory, first)
        other = memoryview(bytearray(len(memory)))
        for number, device in enumerate(self.devices[1:], 2):
            device.read_run(other, first)
            if other != memory:
                pages = range(0, len(memory), PAGE_SIZE)
                size = PAGE_SIZE
                at = next(at for at in pages if memory[at : at + size] != other[at : at + size])
                what = f"device {number} holds something else than the first"
                raise Damaged(what, field="mirror", block=first + at // PAGE_SIZE)


def mirrored(*devices: Blocks, begin: int) -> Mirrored:
    """Return a mirror.

    :param begin: Block of each device at which its data begin.
    :raise Damaged: When a device ends before.
    """
    data = tuple(part_of(device, begin) for device in devices)
    count = min(one.count for one in data)
    return Mirrored(name=devices[0].name, count=count, devices=data)
