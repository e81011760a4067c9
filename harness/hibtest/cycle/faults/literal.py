"""A bit of an image that can be flipped without that it shows: all decompresses as before."""

from pathlib import Path

from hibtest.image.blocks import Blocks
from hibtest.image.disk import open_disk
from hibtest.image.header import PAGE_SIZE
from hibtest.image.reader import read_image
from hibtest.image.stream import after_info
from hibtest.image.units import CODECS, Unit, find_units

_HEAD = 8  # bytes of a unit before its data
_TRIED = 64  # units that are looked through, from the image's middle on
_STEP = 61  # bytes from one that is tried to the next: literals come in runs


def literal(path: Path) -> int | None:
    """Return a byte of a swap disk whose lowest bit can be flipped so; ``None``: there is none.

    A page of a plain image is any byte; of compressed data it must be a literal, which stands for
    itself.

    :raise SpecError: When the disk holds no image.
    :raise Damaged: When it cannot be read as it should be.
    :raise HostError: When the disk cannot be read.
    """
    with open_disk(path) as disk:
        image = read_image(disk, offset_pages=0, consumed=False)
        if image.swap_map is None:
            return None
        if image.codec == "none":
            return image.swap_map.block(image.swap_map.count - 1) * PAGE_SIZE
        numbers, pages = after_info(image.swap_map), image.info.pages - 1
        units = list(find_units(disk, numbers, pages, image.codec))
        middle = len(units) // 2
        places = (_in_unit(disk, one, image.codec) for one in units[middle : middle + _TRIED])
        return next((place for place in places if place is not None), None)


def _in_unit(disk: Blocks, unit: Unit, codec: str) -> int | None:
    data = bytearray(disk.read(unit.blocks, "unit").tobytes())
    end = _HEAD + unit.length
    decompress, failure = CODECS[codec]
    was = decompress(bytes(data[_HEAD:end]))
    for at in range(_HEAD, end, _STEP):
        data[at] ^= 1
        try:
            now = decompress(bytes(data[_HEAD:end]))
        except failure:
            now = b""
        data[at] ^= 1
        if len(now) == len(was) and now != was:
            return int(unit.blocks[at // PAGE_SIZE]) * PAGE_SIZE + at % PAGE_SIZE
    return None
