"""Each way in which an image can be wrong, told by block and field."""

import struct
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hibtest.image.damage import Damaged
from hibtest.image.disk import open_disk
from hibtest.image.reader import open_image, read_stream
from tests.image.reading import contents
from tests.image.writer import END, PAGE, ZERO, Recipe, Written, stream, write

LONG = Recipe(words=tuple(range(1200)), codec="none")  # three map pages


def damage(path: Path, content: bytes) -> tuple[str, int | None, str]:
    """Read a whole image and return field, block and message of what is wrong."""
    path.write_bytes(content)
    with pytest.raises(Damaged) as caught, open_image(path) as image:
        contents(image)
    error = caught.value
    assert error.field in error.message
    assert error.block is None or str(error.block) in error.message
    return error.field, error.block, error.message


def put(written: Written, block: int, at: int, *words: int) -> bytes:
    """Return a disk with some u64 overwritten."""
    content = bytearray(written.disk)
    struct.pack_into(f"<{len(words)}Q", content, block * PAGE + at, *words)
    return bytes(content)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "disk"


def test_header_that_names_no_map(path: Path) -> None:
    assert damage(path, write(Recipe(header={"image": 0})).disk)[:2] == ("image", 0)


@pytest.mark.parametrize("image", [1 << 40, (1 << 64) - 1, 1 << 63])
def test_header_that_names_a_map_outside(path: Path, image: int) -> None:
    field, block, message = damage(path, write(Recipe(header={"image": image})).disk)
    assert (field, block) == ("swap map", 0)
    assert f"block {image}, but the device has" in message


@pytest.mark.parametrize("back_to", [0, 1, 2])
def test_map_that_loops(path: Path, back_to: int) -> None:
    written = write(LONG)
    content = put(written, written.maps[2], 8 * 510, 5, written.maps[back_to])
    full = bytearray(content)
    struct.pack_into("<511Q", full, written.maps[2] * PAGE, *range(5000, 5511))
    full += bytes(6000 * PAGE)
    field, block, message = damage(path, bytes(full))
    assert (field, block) == ("swap map", written.maps[2])
    assert f"comes back to block {written.maps[back_to]}" in message


def test_map_whose_next_page_is_the_header(path: Path) -> None:
    written = write(replace(LONG, offset=0))
    content = put(written, written.maps[0], 4088, 1 << 50)
    assert damage(path, content)[:2] == ("swap map", written.maps[0])


@pytest.mark.parametrize("bad", [1 << 33, (1 << 64) - 1])
def test_map_entry_outside(path: Path, bad: int) -> None:
    written = write(Recipe())
    field, block, message = damage(path, put(written, written.maps[0], 8, bad))
    assert (field, block) == ("swap map", written.maps[0])
    assert f"entry 1: block {bad}, but the device has" in message


@pytest.mark.parametrize("again", ["entry", "map", "header"])
def test_map_that_names_a_block_twice(path: Path, again: str) -> None:
    written = write(Recipe(offset=0))
    number = {"entry": written.entries[0], "map": written.maps[0], "header": 0}[again]
    content = put(written, written.maps[0], 8, number or written.entries[2])
    field, block, _ = damage(path, content)
    assert (field, block) == ("swap map", number or written.entries[2])


def test_map_that_names_nothing(path: Path) -> None:
    written = write(Recipe())
    assert damage(path, put(written, written.maps[0], 0, 0))[:2] == ("swap map", written.maps[0])


@pytest.mark.parametrize("codec", ["none", "lzo", "lz4"])
def test_map_that_ends_early(path: Path, codec: str) -> None:
    written = write(Recipe(codec=codec))
    last = len(written.entries) - 1
    content = put(written, written.maps[0], 8 * last, 0)
    assert damage(path, content)[0] == "swap map"


@pytest.mark.parametrize("codec", ["none", "lzo", "lz4"])
def test_map_that_goes_on(path: Path, codec: str) -> None:
    written = write(Recipe(codec=codec, room=9))
    count, more = len(written.entries), written.entries[-1] + 3
    content = put(written, written.maps[0], 8 * count, more)
    assert damage(path, content)[:2] == ("swap map end", more)


@pytest.mark.parametrize(
    ("info", "field"),
    [
        ({"magic": 0x23456789ABCDEF01}, "magic"),
        ({"size": 4096}, "size"),
        ({"image_pages": 1 << 60}, "image_pages"),
        ({"num_physpages": 99}, "image_pages"),
        ({"pages": 101, "size": 101 * PAGE}, "pages"),
        ({"pages": 1 << 51, "size": 1 << 63}, "pages"),
        ({"num_physpages": 1 << 52, "pages": 1 << 40, "size": 1 << 52}, "pfn 100"),
        ({"image_pages": 99}, "pfn 100"),
    ],
)
def test_counts_that_do_not_fit(path: Path, info: dict[str, int], field: str) -> None:
    assert damage(path, write(Recipe(info=info)).disk)[0] == field


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ((5, 6, 6), "pfn 2"),
        ((5, 7, 6), "pfn 2"),
        ((5, 6, ZERO | 6), "pfn 2"),
        ((5, 1 << 40), "pfn 1"),
        ((ZERO - 1,), "pfn 0"),
        ((5, END, 7), "pfn 1"),
        ((*range(512), 511), "pfn 512"),
    ],
)
@pytest.mark.parametrize("codec", ["none", "lz4"])
def test_wrong_pfns(path: Path, words: tuple[int, ...], field: str, codec: str) -> None:
    count = len([word for word in words if word < ZERO])
    recipe = Recipe(words=words, data=(bytes(PAGE),) * count, codec=codec)
    assert damage(path, write(recipe).disk)[0] == field


def test_more_pfn_pages_than_pfns(path: Path) -> None:
    words = (*range(512), END)
    recipe = Recipe(words=words, data=(bytes(PAGE),) * 512)
    assert damage(path, write(recipe).disk)[0] == "pages"


@pytest.mark.parametrize("codec", ["lzo", "lz4"])
@pytest.mark.parametrize("length", [0, 139334, 1 << 32, (1 << 64) - 1])
def test_impossible_lengths(path: Path, codec: str, length: int) -> None:
    written = write(Recipe(codec=codec))
    block = written.units[2]
    assert damage(path, put(written, block, 0, length))[:2] == ("cmp_len", block)


@pytest.mark.parametrize("codec", ["lzo", "lz4"])
@pytest.mark.parametrize("unit", [0, 1])
def test_units_that_do_not_decompress(path: Path, codec: str, unit: int) -> None:
    written = write(Recipe(codec=codec))
    block = written.units[unit]
    content = put(written, block, 8, *[0xFFFFFFFFFFFFFFFF] * 20)
    assert damage(path, content)[:2] == (f"{codec} data", block)


def test_unit_that_is_too_short(path: Path) -> None:
    whole, cut = write(Recipe()), write(Recipe(words=tuple(range(16, 100))))
    content = bytearray(whole.disk)
    at, end = whole.units[1] * PAGE, cut.units[-1] * PAGE
    content[at : at + PAGE] = cut.disk[end : end + PAGE]
    assert damage(path, bytes(content))[:2] == ("unit size", whole.units[1])


def test_disk_cut_short(path: Path) -> None:
    written = write(LONG)
    for blocks in (2, 3, 400, 700):
        field, block, message = damage(path, written.disk[: blocks * PAGE])
        assert (field, block) == ("swap map", written.maps[blocks > 513])
        assert f"but the device has {blocks}" in message


def test_stream_cut_short(path: Path) -> None:
    path.write_bytes(b"".join(stream(Recipe()))[:-1])
    with (
        open_disk(path) as device,
        pytest.raises(Damaged, match=r"^block 0: pages: 102, but the file has 101"),
    ):
        read_stream(device, offset_pages=0)


def test_huge_sparse_stream_is_refused_at_once(path: Path) -> None:
    info = {"image_pages": 0, "pages": 1 << 28, "size": 1 << 40, "num_physpages": 1 << 40}
    path.write_bytes(stream(Recipe(words=(), info=info))[0])
    with path.open("r+b") as file:
        file.truncate(1 << 41)
    with open_disk(path) as device, pytest.raises(Damaged, match="pfn 1: 0x0 after 0x0"):
        read_stream(device, offset_pages=0)


@settings(deadline=None)
@given(
    words=st.lists(st.integers(0, 60) | st.integers(0, END) | st.integers(ZERO, ZERO + 60)),
    data=st.integers(0, 40),
    codec=st.sampled_from(["none", "lzo", "lz4"]),
    info=st.dictionaries(
        st.sampled_from(["magic", "num_physpages", "image_pages", "pages", "size"]),
        st.integers(0, 200) | st.integers(0, END),
    ),
    flags=st.none() | st.integers(0, 0xFFFFFFFF),
)
def test_images_that_no_kernel_wrote(
    tmp_path_factory: pytest.TempPathFactory,
    words: list[int],
    data: int,
    codec: str,
    info: dict[str, int],
    flags: int | None,
) -> None:
    header = {} if flags is None else {"flags": flags}
    recipe = Recipe(words=tuple(words), data=(bytes(PAGE),) * data, codec=codec)
    path = tmp_path_factory.mktemp("made-up") / "disk"
    path.write_bytes(write(replace(recipe, info=info, header=header)).disk)
    try:
        with open_image(path) as image:
            found = contents(image)
    except Damaged as error:
        told = error.message
    else:
        told = f"{len(found)} pages"
    assert told.startswith(("block ", "pfn ", "pages: ", "image_pages: ", f"{data} pages"))
