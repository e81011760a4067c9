"""What lies between a disk and what is on it: pieces of another device, ciphers, volumes.

``recorded/luks2-lvm.xz`` was made by cryptsetup 2.7.5 and lvm2 2.03.31 (its README says how): in
each block of the logical volume, the first and second word are its number and 1, the last one is
three times its number.
"""

import lzma
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from hibtest.errors import HibtestError, SpecError
from hibtest.image import luks, lvm, xts
from hibtest.image.blocks import Blocks
from hibtest.image.damage import Damaged
from hibtest.image.disk import open_disk
from hibtest.image.extents import Extent, Extents
from hibtest.image.header import PAGE_SIZE
from hibtest.image.place import ImagePlace
from tests.image.test_recorded import PRINTED, content

RECORDED = Path(__file__).parent / "recorded/luks2-lvm.xz"
BLOCKS = 14
SECOND_COPY = 16 << 10  # of the header


@pytest.fixture(scope="module")
def whole() -> bytes:
    return lzma.decompress(RECORDED.read_bytes())


@contextmanager
def device(content: bytes, directory: Path) -> Iterator[Blocks]:
    path = directory / "disk"
    path.write_bytes(content)
    with open_disk(path) as found:
        yield found


@given(
    seed=st.integers(0, 1 << 32),
    key_size=st.sampled_from([32, 64]),
    number=st.integers(0, (1 << 61) - 64),
    size=st.sampled_from([512, 1024, 2048, 4096]),
)
def test_xts_is_the_library_s(seed: int, key_size: int, number: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    data, key = rng.bytes(PAGE_SIZE), rng.bytes(key_size)
    memory = bytearray(data)
    xts.decrypt(memoryview(memory), key, number, size)
    encrypted = b"".join(
        Cipher(algorithms.AES(key), modes.XTS((number + at // 512).to_bytes(16, "little")))
        .encryptor()
        .update(bytes(memory[at : at + size]))
        for at in range(0, len(memory), size)
    )
    assert encrypted == data


def test_a_volume_on_an_encrypted_device_is_read(whole: bytes, tmp_path: Path) -> None:
    with device(whole, tmp_path) as disk:
        found = lvm.volume(luks.opened(disk, b"hibtest"), "vg", "data")
        assert found.count == BLOCKS
        words = found.read(np.arange(BLOCKS), "block").view(np.uint64)
        backwards = found.read(np.arange(BLOCKS)[::-1].copy(), "block").view(np.uint64)
        assert found.peek(PAGE_SIZE - 8, 16) == bytes(8) + (2).to_bytes(8, "little")
        assert found.peek(BLOCKS * PAGE_SIZE, 1) == b""
        assert found.read_word(5) == 6
    numbers = np.arange(BLOCKS)
    assert (words[:, 0] == numbers + 1).all()
    assert (words[:, -1] == numbers * 3).all()
    assert (backwards == words[::-1]).all()


def test_the_second_copy_of_a_header_does(whole: bytes, tmp_path: Path) -> None:
    with device(bytes(4096) + whole[4096:], tmp_path) as disk:
        assert luks.opened(disk, b"hibtest").count


def test_a_header_of_which_neither_copy_is_whole_is_damaged(whole: bytes, tmp_path: Path) -> None:
    flipped = bytearray(whole)
    for at in (5000, SECOND_COPY + 5000):
        flipped[at] ^= 1
    with device(bytes(flipped), tmp_path) as disk, pytest.raises(Damaged, match="neither copy"):
        luks.opened(disk, b"hibtest")


def test_a_wrong_passphrase_opens_nothing(whole: bytes, tmp_path: Path) -> None:
    with device(whole, tmp_path) as disk, pytest.raises(SpecError, match="no key slot opens"):
        luks.opened(disk, b"hibtes")


def test_a_damaged_slot_opens_nothing(whole: bytes, tmp_path: Path) -> None:
    flipped = bytearray(whole)
    flipped[2 * SECOND_COPY + 70_000] ^= 1  # the slots lie behind both copies
    with device(bytes(flipped), tmp_path) as disk, pytest.raises(SpecError, match="no key slot"):
        luks.opened(disk, b"hibtest")


@pytest.mark.parametrize("content", [bytes(1 << 16), b"LUKS", b"x" * 5000])
def test_what_is_no_luks_device_is_said(content: bytes, tmp_path: Path) -> None:
    with device(content, tmp_path) as disk, pytest.raises(SpecError, match="not a LUKS device"):
        luks.opened(disk, b"hibtest")


@pytest.mark.parametrize(("group", "name"), [("vg", "gap"), ("other", "data")])
def test_a_volume_that_is_not_there_is_named(
    group: str, name: str, whole: bytes, tmp_path: Path
) -> None:
    with (
        device(whole, tmp_path) as disk,
        pytest.raises(SpecError, match=f"no logical volume {group}/{name}"),
    ):
        lvm.volume(luks.opened(disk, b"hibtest"), group, name)


def test_what_is_no_physical_volume_is_said(whole: bytes, tmp_path: Path) -> None:
    with device(whole, tmp_path) as disk, pytest.raises(SpecError, match="not a physical volume"):
        lvm.volume(disk, "vg", "data")


def _described(whole: bytes, directory: Path) -> bytes:
    """Return the physical volume in the clear, up to the end of what describes it."""
    with device(whole, directory) as disk:
        return luks.opened(disk, b"hibtest").peek(0, 64 << 10)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'"striped"', b'"raid1"  ', "a segment of type raid1"),
        (b"stripe_count = 1", b"stripe_count = 2", "2 stripes"),
        (b"extent_count = 4", b"extent_count = 400000", "ends outside the device"),
        (b"segment_count = 2", b"segment_count = 3", "no 'segment3'"),
        (b"extent_size = 16", b"extent_size = 17", "extents of 8704 bytes"),
        (b"logical_volumes {", b"logical_volumes [", "behind 'logical_volumes'"),
    ],
)
def test_a_volume_laid_out_otherwise_is_not_read(
    old: bytes, new: bytes, said: str, whole: bytes, tmp_path: Path
) -> None:
    clear = _described(whole, tmp_path)
    assert old in clear
    with (
        device(clear.replace(old, new)[: len(clear)].ljust(12 << 20, b"\0"), tmp_path) as disk,
        pytest.raises((SpecError, Damaged), match=said),
    ):
        lvm.volume(disk, "vg", "data")


def test_whatever_is_flipped_is_told_in_our_words(whole: bytes, tmp_path: Path) -> None:
    rng = random.Random(7)  # noqa: S311 - not cryptography
    clear = bytearray(_described(whole, tmp_path))
    head = bytearray(whole[:SECOND_COPY])
    told = 0
    for number in range(300):
        lvm_too = number % 2
        garbled = bytearray(clear if lvm_too else head)
        for _ in range(rng.randrange(1, 4)):
            garbled[rng.randrange(len(garbled) if not lvm_too else 8 << 10)] = rng.randrange(256)
        with device(bytes(garbled).ljust(1 << 18, b"\0"), tmp_path) as disk:
            try:
                if lvm_too:
                    lvm.volume(disk, "vg", "data")
                else:
                    luks.opened(disk, b"hibtest")
            except HibtestError:
                told += 1
    assert told


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
