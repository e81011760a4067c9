"""The begins of real images, against what their kernels printed when they wrote them."""

import lzma
from pathlib import Path

import pytest

from hibtest.image.damage import Damaged
from hibtest.image.reader import Image, open_image
from tests.image.mutate import target
from tests.image.test_fuzz import CASES, garble_any
from tests.image.writer import PAGE

RECORDED = Path(__file__).parent / "recorded"
SIZE = 16 << 20  # the rest is a hole

# "Image created (37529 pages copied)", "(33388 pages copied, 3684 zero pages)"; 7.3 prints no
# such line, but "Compressing and saving image data (35803 pages)": all but the info page
PRINTED = {"6.1-lzo": (37529, 0), "6.12-lzo": (33388, 3684), "7.3-lz4": (35724, 4586)}


def content(name: str) -> bytes:
    return lzma.decompress((RECORDED / f"{name}.xz").read_bytes())


def whole_disk(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(content(name))
        file.truncate(1 << 30)
    return path


@pytest.mark.parametrize("name", PRINTED)
def test_counts_are_those_that_were_printed(tmp_path: Path, name: str) -> None:
    with open_image(whole_disk(tmp_path, name)) as image:
        assert (len(image.pfns), len(image.zero_pfns)) == PRINTED[name]
        assert image.info.num_physpages == 130930
        assert image.info.e820_checksum == 2120778694
        assert image.pfns[-1] == 0x1FFD3  # the last page below the end of System RAM


def test_kernel_counts_all_pages_but_the_first(tmp_path: Path) -> None:
    with open_image(whole_disk(tmp_path, "7.3-lz4")) as image:
        assert image.info.pages - 1 == 35803


def read_all(image: Image) -> int:
    return sum(len(chunk.data) for chunk in image.chunks())


@pytest.mark.parametrize("name", PRINTED)
def test_where_the_recording_ends_is_told(tmp_path: Path, name: str) -> None:
    end = len(content(name)) // PAGE
    with (
        open_image(whole_disk(tmp_path, name)) as image,
        pytest.raises(Damaged, match="cmp_len: 0 is no length") as caught,
    ):
        read_all(image)
    assert caught.value.block == end


@pytest.mark.parametrize("name", PRINTED)
def test_garbled_recordings(name: str) -> None:
    first = content(name)
    spots = [(4056, PAGE), (255 * PAGE, len(first)), (len(first) - 30 * PAGE, len(first))]
    with target(name, first.ljust(SIZE, b"\0"), spots) as it:
        seen = garble_any(it, CASES // 100)
    assert seen["cmp_len"] or seen["swap"]
