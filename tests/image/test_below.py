"""Images that are read through what lies between a disk and what is on it."""

from pathlib import Path

import numpy as np
import pytest

from hibtest.errors import SpecError
from hibtest.evidence import AgentImage
from hibtest.image import luks
from hibtest.image.blocks import Blocks
from hibtest.image.disk import open_disk
from hibtest.image.extents import Extent, Extents
from hibtest.image.header import PAGE_SIZE
from hibtest.image.place import ImagePlace
from tests.image.recorded_disk import SECOND_COPY
from tests.image.test_recorded import PRINTED, content


def test_an_image_is_read_through_the_pieces_that_it_lies_in(tmp_path: Path) -> None:
    recorded = content("6.12-lzo")
    blocks, cut = 1 << 18, 37
    path = tmp_path / "pieces"
    with path.open("wb") as file:  # the second piece first, behind a hole
        file.seek(5 * PAGE_SIZE)
        file.write(recorded[cut * PAGE_SIZE :])
        file.seek((blocks + 10) * PAGE_SIZE)
        file.write(recorded[: cut * PAGE_SIZE])
        file.truncate((blocks + 10 + cut) * PAGE_SIZE)
    extents = (
        Extent(first=0, below=blocks + 10, count=cut),
        Extent(first=cut, below=5, count=blocks - cut),
    )

    def view(below: Blocks) -> Blocks:
        return Extents(name="volume", count=blocks, device=below, extents=extents)

    place = ImagePlace(path=path, views=(view,))
    header = place.header()
    assert header
    assert header.armed
    with place.open() as image:
        assert (len(image.pfns), len(image.zero_pfns)) == PRINTED["6.12-lzo"]


def test_a_run_may_go_through_many_pieces(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(b"".join(bytes([number]) * PAGE_SIZE for number in range(20)))
    extents = (
        Extent(first=0, below=10, count=2),
        Extent(first=2, below=3, count=1),
        Extent(first=3, below=15, count=4),
    )
    with open_disk(path) as disk:
        found = Extents(name="it", count=7, device=disk, extents=extents)
        for first in range(7):
            for end in range(first + 1, 8):
                read = found.read(np.arange(first, end), "block")[:, 0].tolist()
                assert read == [10, 11, 3, 15, 16, 17, 18][first:end]


def test_a_header_on_what_cannot_be_opened_is_none(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(1 << 20))

    def view(below: Blocks) -> Blocks:
        return luks.opened(below, b"hibtest")

    place = ImagePlace(path=path, views=(view,))
    assert place.header() is None
    with pytest.raises(SpecError, match="not a LUKS device"):
        place.open().__enter__()


def test_a_swap_file_of_which_nobody_knows_where_it_lies_is_not_read(tmp_path: Path) -> None:
    place = ImagePlace(path=tmp_path / "disk", offset=None)
    assert place.header() is None
    with pytest.raises(SpecError, match="has not told where in it its swap file lies"):
        place.open().__enter__()


@pytest.mark.parametrize("offset", [1 << 51, 1 << 62, -3])
def test_a_page_where_no_device_is_any_more_is_no_image(offset: int, tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(bytes(1 << 20))
    place = ImagePlace(path=path, agent=True, offset=offset)
    assert place.look() == AgentImage(state="none")
    assert not place.waits()
    assert place.header() is None
    with pytest.raises(SpecError, match="begins at block"):
        place.open().__enter__()


def test_a_target_on_what_cannot_be_opened_holds_nothing(whole: bytes, tmp_path: Path) -> None:
    flipped = bytearray(whole)
    for at in (5000, SECOND_COPY + 5000):
        flipped[at] ^= 1
    path = tmp_path / "disk"
    path.write_bytes(flipped)

    def view(below: Blocks) -> Blocks:
        return luks.opened(below, b"hibtest")

    assert ImagePlace(path=path, agent=True, views=(view,)).look() == AgentImage(state="none")
