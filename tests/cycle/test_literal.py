"""A bit that is flipped in an image without that it shows, but for its checksum."""

from pathlib import Path

import numpy as np
import pytest

from hibtest.cycle.faults.literal import literal
from hibtest.cycle.faults.strike import flip
from hibtest.errors import SpecError
from hibtest.image.reader import open_image
from hibtest.machine.shape import Disk
from hibtest.spec import Flip
from tests.image.writer import PAGE, Recipe, write

PFNS = tuple(range(16, 216))
DATA = tuple(np.random.default_rng(pfn).bytes(PAGE // 2) + bytes(PAGE // 2) for pfn in PFNS)


def _disk(path: Path, codec: str, data: tuple[bytes, ...] = DATA) -> Disk:
    path.write_bytes(write(Recipe(words=PFNS, codec=codec, data=data)).disk)
    return Disk(serial="swap", path=path)


def _pages(disk: Disk) -> tuple[bytes, bool | None]:
    with open_image(disk.path) as image:
        pages = np.concatenate([chunk.data for chunk in image.chunks()])
        return pages.tobytes(), None if image.crc is None else image.crc.right


@pytest.mark.parametrize(("codec", "tells"), [("lzo", False), ("lz4", False), ("none", None)])
def test_a_page_is_another_and_nothing_but_the_checksum_tells(
    tmp_path: Path, codec: str, tells: bool | None
) -> None:
    disk = _disk(tmp_path / "swap.raw", codec)
    was, right = _pages(disk)
    assert right is (None if tells is None else True)
    byte = literal(disk.path)
    assert byte is not None
    flip(disk, Flip(serial="swap", byte=byte))
    now, right = _pages(disk)
    assert len(now) == len(was)
    assert now != was
    assert right is tells


def test_a_disk_without_an_image_is_said(tmp_path: Path) -> None:
    path = tmp_path / "swap.raw"
    path.write_bytes(bytes(4 * PAGE))
    with pytest.raises(SpecError, match="no image"):
        literal(path)
