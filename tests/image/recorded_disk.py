"""A disk that cryptsetup 2.7.5 and lvm2 2.03.31 made: ``recorded/luks2-lvm.xz``.

Its README says how. In each block of the logical volume, the first and second word are its number
and 1, the last one is three times its number.
"""

import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hibtest.image.blocks import Blocks
from hibtest.image.disk import open_disk

RECORDED = Path(__file__).parent / "recorded/luks2-lvm.xz"
BLOCKS = 14  # of the volume
SECOND_COPY = 16 << 10  # of the LUKS header


def content() -> bytes:
    """Return the disk."""
    return lzma.decompress(RECORDED.read_bytes())


@contextmanager
def device(content: bytes, directory: Path) -> Iterator[Blocks]:
    """Yield a disk of some content."""
    path = directory / "disk"
    path.write_bytes(content)
    with open_disk(path) as found:
        yield found
