"""A swap file that was copied out of its file system, with an image in it.

The map names blocks of the device on which the file lay: kernel/power/swap.c, swapdev_block(), as
the resume knows no file system. In the copy they are others. Where the file lay in one piece, the
copy is read by putting it where it was.
"""

import struct
from dataclasses import dataclass

from hibtest.image.blocks import Blocks
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE
from hibtest.image.info import MAGIC

_SWAP = struct.Struct("<II")  # version, last page: union swap_header, include/linux/swap.h (v6.12)
_SWAP_AT = 1024
_MAGIC_AT = 24
_MOST_BLOCKS = 1 << 51  # of a device, whose bytes are counted in 63 bits
_PIECE = 1 << 20
_LOOKED_AT = 4096  # blocks; the image begins in the first free slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved(Blocks):
    """A copied file's blocks, by their numbers on the device where it lay in one piece.

    :ivar device: The copy.
    :ivar begin: Block of the device at which the file began.
    """

    device: Blocks
    begin: int

    def read_run(self, memory: memoryview, first: int) -> None:
        """See :meth:`Blocks.read_run`.

        :raise Damaged: When the blocks lie before the file.
        """
        if first < self.begin:
            what = f"lies before the file, which began at block {self.begin}"
            raise Damaged(what, field="block", block=first)
        self.device.read_run(memory, first - self.begin)


def moved(device: Blocks, begin: int) -> Moved:
    """Return a copied file where it was."""
    return Moved(
        name=device.name,
        count=begin + device.count,
        tail=device.tail,
        device=device,
        begin=begin,
    )


def began_at(device: Blocks, image: int) -> int | None:
    """Return at which block of its device a swap file began; ``None`` when that does not show.

    Looked for is a map page whose first entry leads to an info page, if both are moved by as much
    as the map page is.

    :param image: Block of the first map page, as the header has it.
    """
    if image >= _MOST_BLOCKS:
        return None
    for number in range(1, min(device.count, _LOOKED_AT, image)):
        begin = image - number
        first = device.read_word(number) - begin
        magic = device.peek(first * PAGE_SIZE + _MAGIC_AT, 8) if 0 < first < device.count else b""
        if magic == MAGIC.to_bytes(8, "little"):
            return begin
    return None


def reads_as_zeros(device: Blocks) -> bool:
    """Return whether nothing follows the header, as far as an image's begin is looked for.

    So reads a swap file that fallocate(1) made: its file system has never seen its blocks
    written, as the kernel swaps past it.
    """
    size = min(device.count, _LOOKED_AT) * PAGE_SIZE
    pieces = range(PAGE_SIZE, size, _PIECE)
    return size > PAGE_SIZE and not any(
        any(device.peek(at, min(_PIECE, size - at))) for at in pieces
    )


def is_copy(device: Blocks, image: int) -> bool:
    """Return whether an image is one of a swap file that was copied, wherever that began.

    The map page that its header names lies behind the swap's own end, and one that names blocks
    near it lies in the file.

    :param image: Block of the first map page, as the header has it.
    """
    version, last = _SWAP.unpack(device.peek(_SWAP_AT, _SWAP.size))
    if version != 1 or not 0 < last < image:
        return False
    pages = range(1, min(device.count, _LOOKED_AT))
    words = (struct.unpack("<2Q", device.peek(number * PAGE_SIZE, 16)) for number in pages)
    return any(all(abs(word - image) <= last for word in two) for two in words)
