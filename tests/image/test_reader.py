"""Images of all kinds, read back page by page."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hibtest.errors import SpecError
from hibtest.image.disk import open_disk
from hibtest.image.reader import open_image, read_stream
from tests.image.reading import contents
from tests.image.writer import PAGE, ZERO, Recipe, page, stream, write


def check(path: Path, recipe: Recipe, *, offset: int = 0) -> None:
    """Check that an image reads as it was written."""
    saved = [word for word in recipe.words if word < ZERO]
    with open_image(path, offset_pages=offset) as image:
        assert contents(image) == dict(zip(saved, recipe.pages(), strict=True))
        assert image.pfns.tolist() == saved
        assert image.zero_pfns.tolist() == [w - ZERO for w in recipe.words if w >= ZERO]
        assert image.info.image_pages == len(saved)
        assert image.codec == recipe.codec
        if recipe.codec == "none":
            assert image.crc is None
        else:
            assert image.crc is not None
            assert image.crc.right


KINDS = {
    "6.1": Recipe(words=tuple(range(7, 1500))),
    "6.12": Recipe(words=tuple(pfn | (0 if pfn % 5 else ZERO) for pfn in range(7, 1500))),
    "7.3": Recipe(words=tuple(pfn | (ZERO if pfn % 3 else 0) for pfn in range(1500))),
    "all-zero": Recipe(words=tuple(pfn | ZERO for pfn in range(9))),
    "empty": Recipe(words=()),
    "full-pfn-page": Recipe(words=tuple(range(1024))),
    "one-more-than-full": Recipe(words=tuple(range(1025))),
    "whole-units": Recipe(words=tuple(range(31 + 32))),
}


@pytest.mark.parametrize("codec", ["none", "lzo", "lz4"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("offset", [0, 38])
def test_images_of_all_kernels(tmp_path: Path, kind: str, codec: str, offset: int) -> None:
    recipe = replace(KINDS[kind], codec=codec, offset=offset, empty_tail=kind != "7.3")
    path = tmp_path / "disk"
    path.write_bytes(write(recipe).disk)
    check(path, recipe, offset=offset)


@pytest.mark.parametrize("tail", [True, False])
@pytest.mark.parametrize("entries", [510, 511, 512, 1022])
def test_map_ends_at_the_end_of_a_map_page(tmp_path: Path, entries: int, tail: bool) -> None:
    meta = -(-entries // 513)  # so that info, PFN and data pages are as many as asked for
    recipe = Recipe(words=tuple(range(entries - 1 - meta)), codec="none", empty_tail=tail)
    written = write(recipe)
    assert len(written.entries) == entries
    path = tmp_path / "disk"
    path.write_bytes(written.disk)
    check(path, recipe)


@pytest.mark.parametrize("stride", [-1, 2, 7])
def test_blocks_that_are_not_side_by_side(tmp_path: Path, stride: int) -> None:
    recipe = Recipe(stride=stride, first=700 if stride < 0 else 1, codec="none")
    path = tmp_path / "disk"
    path.write_bytes(write(recipe).disk)
    check(path, recipe)


def test_data_that_cannot_be_compressed(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).integers(0, 256, (400, PAGE), np.uint8)
    for codec in ("lzo", "lz4"):
        recipe = Recipe(words=tuple(range(400)), data=tuple(map(bytes, noise)), codec=codec)
        path = tmp_path / codec
        path.write_bytes(write(recipe).disk)
        check(path, recipe)


def test_wrong_checksum_is_told(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(write(Recipe(header={"crc32": 5})).disk)
    with open_image(path) as image:
        contents(image)
        assert image.crc is not None
        assert image.crc.stored == 5
        assert not image.crc.right


def test_chunks_can_be_asked_for_again(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(write(Recipe(words=tuple(range(2000)))).disk)
    with open_image(path) as image:
        first = next(image.chunks())
        assert first.data[0].tobytes() == page(0)
        assert contents(image) == contents(image)
        assert image.crc is not None


def test_consumed_image(tmp_path: Path) -> None:
    recipe = Recipe(header={"sig": b"SWAPSPACE2"})
    path = tmp_path / "disk"
    path.write_bytes(write(recipe).disk)
    with pytest.raises(SpecError, match="no image: the signature is 'SWAPSPACE2'"):
        open_image(path).__enter__()
    with open_image(path, consumed=True) as image:
        assert len(contents(image)) == 100


@pytest.mark.parametrize(
    "header",
    [
        {"sig": b"SWAPSPACE2", "image": 0},
        {"sig": b"SWAPSPACE2", "orig_sig": bytes(10)},
        {"sig": bytes(10), "orig_sig": bytes(10)},
    ],
)
def test_swap_without_image(tmp_path: Path, header: dict[str, bytes]) -> None:
    path = tmp_path / "disk"
    path.write_bytes(write(Recipe(header=header)).disk)
    with pytest.raises(SpecError, match="no image"):
        open_image(path, consumed=True).__enter__()


@pytest.mark.parametrize("offset", [0, 3])
def test_raw_stream(tmp_path: Path, offset: int) -> None:
    words = tuple(pfn | (ZERO if pfn % 5 == 0 else 0) for pfn in range(7, 1500))
    recipe = Recipe(words=words)
    path = tmp_path / "stream"
    path.write_bytes(bytes(offset * PAGE) + b"".join(stream(recipe)) + b"more")
    with open_disk(path) as device:
        image = read_stream(device, offset_pages=offset)
        assert image.header is None
        assert list(contents(image).values()) == list(recipe.pages())
        assert len(image.zero_pfns) == 298
        assert image.crc is None
