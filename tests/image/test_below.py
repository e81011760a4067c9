"""What lies between a disk and what is on it: pieces of another device, ciphers, volumes.

``recorded/luks2-lvm.xz`` was made by cryptsetup 2.7.5 and lvm2 2.03.31 (its README says how): in
each block of the logical volume, the first and second word are its number and 1, the last one is
three times its number.
"""

import hashlib
import json
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from hibtest.errors import SpecError
from hibtest.evidence import AgentImage
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


def described(whole: bytes, directory: Path) -> bytes:
    """Return the physical volume in the clear, up to the end of what describes it."""
    with device(whole, directory) as disk:
        return luks.opened(disk, b"hibtest").peek(0, 64 << 10)


def retold(clear: bytes, old: bytes, new: bytes) -> bytes:
    """Return a physical volume whose metadata says something else, with a CRC that is right."""
    area, place = 4096, struct.Struct("<QQI")
    offset, size, _ = place.unpack_from(clear, area + 40)
    text = clear[area + offset : area + offset + size]
    assert old in text
    text = text.replace(old, new)
    crc = zlib.crc32(text, 0xF597A6CF ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
    found = bytearray(clear.ljust(12 << 20, b"\0"))
    place.pack_into(found, area + 40, offset, len(text), crc)
    found[area + offset : area + offset + len(text)] = text
    return bytes(found)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b'"striped"', b'"raid1"', "a segment of type raid1"),
        (b"stripe_count = 1", b"stripe_count = 2", "2 stripes"),
        (b"extent_size = 16", b"extent_size = 17", "extents of 8704 bytes"),
        (b"\n}\n}\n\nlogical", b"\n}\npv1 {\npe_start = 8\n}\n}\n\nlogical", "2 physical volumes"),
        (b"logical_volumes", b"physical_things", "no logical volume|logical_volumes"),
    ],
)
def test_a_volume_laid_out_otherwise_is_not_read(
    old: bytes, new: bytes, said: str, whole: bytes, tmp_path: Path
) -> None:
    with (
        device(retold(described(whole, tmp_path), old, new), tmp_path) as disk,
        pytest.raises((SpecError, Damaged), match=said),
    ):
        lvm.volume(disk, "vg", "data")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"extent_count = 4", b"extent_count = 400000", "ends outside the device"),
        (b"extent_count = 4", b"extent_count = -4", ">= 1"),
        (b"segment_count = 2", b"segment_count = 3", "segment3"),
        (b"segment_count = 2", b"segment_count = 99999999", "<= 65536"),
        (b"start_extent = 0", b"start_extent = 1", "segment 1 begins at 1, not at 0"),
        (b"start_extent = 3", b"start_extent = 5", "segment 2 begins at 5, not at 3"),
        (b'"pv0", 5', b'"pv0", -5', ">= 0"),
        (b'"pv0", 5', b'"pv0"', "stripes"),
        (b"logical_volumes {", b"logical_volumes [", "behind 'logical_volumes'"),
        (b"pe_start = 256", b"pe_start = many", "invalid literal"),
        (b"data {", b"data {" + b"x {" * 40 + b"}" * 40, "sections 17 deep"),
    ],
)
def test_metadata_that_cannot_be_meant_are_damaged(
    old: bytes, new: bytes, said: str, whole: bytes, tmp_path: Path
) -> None:
    with (
        device(retold(described(whole, tmp_path), old, new), tmp_path) as disk,
        pytest.raises(Damaged, match=said),
    ):
        lvm.volume(disk, "vg", "data")


def test_metadata_whose_checksum_is_wrong_are_damaged(whole: bytes, tmp_path: Path) -> None:
    clear = described(whole, tmp_path)
    flipped = clear.replace(b"extent_count = 4", b"extent_count = 5")
    with device(flipped, tmp_path) as disk, pytest.raises(Damaged, match="the text's CRC is"):
        lvm.volume(disk, "vg", "data")


def test_a_label_that_leads_out_of_the_world_is_damaged(whole: bytes, tmp_path: Path) -> None:
    clear = bytearray(described(whole, tmp_path))
    at = clear.index(struct.pack("<Q", 4096), 512)  # where the metadata area is
    struct.pack_into("<Q", clear, at, (1 << 63) + 5)
    with device(bytes(clear), tmp_path) as disk, pytest.raises(Damaged, match="no metadata"):
        lvm.volume(disk, "vg", "data")


def resigned(whole: bytes, change: Callable[[dict[str, Any]], object] | bytes) -> bytes:
    """Return a LUKS2 device whose header says something else, with checksums that are right."""
    size = SECOND_COPY
    text = whole[4096:size].rstrip(b"\0")
    if isinstance(change, bytes):
        text = change
    else:
        header = json.loads(text)
        change(header)
        text = json.dumps(header).encode()
    copy = bytearray(whole[:4096] + text.ljust(size - 4096, b"\0"))
    copy[448:512] = bytes(64)
    copy[448:480] = hashlib.sha256(copy).digest()
    return bytes(copy) + bytes(size) + whole[2 * size :]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("segments.0.size", "abc", "size"),
        ("segments.0.iv_tweak", "-1", "iv_tweak"),
        ("segments.0.iv_tweak", str(1 << 70), "iv_tweak"),
        ("segments.0.offset", "-4096", "offset"),
        ("keyslots.0.area.offset", "-512", "offset"),
        ("keyslots.0.area.key_size", 1 << 18, "key_size"),
        ("keyslots.0.key_size", 48, "key_size"),
        ("keyslots.0.af.stripes", 1 << 30, "stripes"),
        ("keyslots.0.af.hash", "md6", "md6"),
        ("keyslots.0.kdf.memory", 1 << 30, "memory"),
        ("keyslots.0.kdf.salt", "%", "Only base64|Invalid|base64"),
        ("digests.0.iterations", 1 << 40, "iterations"),
        ("digests.0.hash", "nothing", "unsupported"),
    ],
)
def test_a_header_that_cannot_be_meant_is_damaged(
    path: str, value: object, said: str, whole: bytes, tmp_path: Path
) -> None:
    def change(header: dict[str, Any]) -> None:
        *way, last = path.split(".")
        for name in way:
            header = header[name]
        header[last] = value

    with device(resigned(whole, change), tmp_path) as disk, pytest.raises(Damaged, match=said):
        luks.opened(disk, b"hibtest")


def test_a_header_that_would_take_days_to_open_is_refused(whole: bytes, tmp_path: Path) -> None:
    def change(header: dict[str, Any]) -> None:
        header["keyslots"]["0"]["kdf"] |= {"time": 64, "memory": 1 << 20}
        for number in range(1, 4):
            header["keyslots"][str(number)] = header["keyslots"]["0"]

    with (
        device(resigned(whole, change), tmp_path) as disk,
        pytest.raises(Damaged, match=r"4 slots that take \d+ rounds"),
    ):
        luks.opened(disk, b"hibtest")


@pytest.mark.parametrize("text", [b"[" * 6000, b'{"a": "\xff"}', b"", b"{}"])
def test_what_is_no_header_at_all_is_damaged(text: bytes, whole: bytes, tmp_path: Path) -> None:
    with device(resigned(whole, text), tmp_path) as disk, pytest.raises(Damaged):
        luks.opened(disk, b"hibtest")


def test_a_header_that_was_only_signed_anew_opens(whole: bytes, tmp_path: Path) -> None:
    with device(resigned(whole, lambda _: None), tmp_path) as disk:
        assert luks.opened(disk, b"hibtest").count


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


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("segments.0.encryption", "aes-cbc-essiv:sha256", "encrypted by aes-cbc-essiv:sha256"),
        ("segments.0.sector_size", 777, "sectors of 777 bytes"),
        ("segments.0.offset", "262656", "from byte 262656 on"),
        ("segments.0.type", "linear", "not one encrypted segment"),
    ],
)
def test_a_device_that_is_encrypted_otherwise_is_not_read(
    path: str, value: object, said: str, whole: bytes, tmp_path: Path
) -> None:
    def change(header: dict[str, Any]) -> None:
        *way, last = path.split(".")
        for name in way:
            header = header[name]
        header[last] = value

    with device(resigned(whole, change), tmp_path) as disk, pytest.raises(SpecError, match=said):
        luks.opened(disk, b"hibtest")


def test_a_segment_may_have_a_size_of_its_own(whole: bytes, tmp_path: Path) -> None:
    def sized(size: int) -> bytes:
        return resigned(whole, lambda header: header["segments"]["0"].update(size=str(size)))

    blocks = 3008  # from 256 KiB on to the end of 12 MiB
    with device(sized(2 * PAGE_SIZE), tmp_path) as disk:
        assert luks.opened(disk, b"hibtest").count == 2
    with device(sized(blocks * PAGE_SIZE), tmp_path) as disk:
        assert luks.opened(disk, b"hibtest").count == blocks
    for size in (0, (blocks + 1) * PAGE_SIZE):
        with device(sized(size), tmp_path) as disk, pytest.raises(Damaged, match="end outside"):
            luks.opened(disk, b"hibtest")


def test_a_slot_that_does_not_fit_its_area_is_damaged(whole: bytes, tmp_path: Path) -> None:
    def change(header: dict[str, Any]) -> None:
        header["keyslots"]["0"]["area"]["size"] = "1000"

    with device(resigned(whole, change), tmp_path) as disk, pytest.raises(Damaged, match="1000"):
        luks.opened(disk, b"hibtest")


def test_metadata_that_go_on_behind_the_area_s_header_are_read(
    whole: bytes, tmp_path: Path
) -> None:
    clear = bytearray(described(whole, tmp_path).ljust(12 << 20, b"\0"))
    area, place = 4096, struct.Struct("<QQ")
    offset, size = place.unpack_from(clear, area + 40)
    text = clear[area + offset : area + offset + size]
    clear[area + 512 : area + offset + size] = bytes(offset + size - 512)
    (end,) = struct.unpack_from("<Q", clear, area + 32)  # the area's size: struct mda_header
    place.pack_into(clear, area + 40, end - 100, size)
    clear[area + end - 100 : area + end] = text[:100]
    clear[area + 512 : area + 512 + size - 100] = text[100:]
    with device(bytes(clear), tmp_path) as disk:
        assert lvm.volume(disk, "vg", "data").count == BLOCKS


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
