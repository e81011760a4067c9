"""Logical volumes: what is read, what is not, what is damaged."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from hibtest.errors import SpecError
from hibtest.image import luks, lvm
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE
from tests.image.recorded_disk import BLOCKS, device


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


SECOND_PV = b"\n}\npv1 {\npe_start = 8\n}\n}\n\nlogical"
Errors = type[Exception] | tuple[type[Exception], ...]
OTHERWISE = (SpecError, Damaged)  # it may be meant so, and is not read


@pytest.mark.parametrize(
    ("old", "new", "error", "said"),
    [
        (b'"striped"', b'"raid1"', OTHERWISE, "a segment of type raid1"),
        (b"stripe_count = 1", b"stripe_count = 2", OTHERWISE, "2 stripes"),
        (b"extent_size = 16", b"extent_size = 17", OTHERWISE, "extents of 8704 bytes"),
        (b"\n}\n}\n\nlogical", SECOND_PV, OTHERWISE, "2 physical volumes"),
        (b"logical_volumes", b"physical_things", OTHERWISE, "no logical volume|logical_volumes"),
        (b"extent_count = 4", b"extent_count = 400000", Damaged, "ends outside the device"),
        (b"extent_count = 4", b"extent_count = -4", Damaged, ">= 1"),
        (b"segment_count = 2", b"segment_count = 3", Damaged, "segment3"),
        (b"segment_count = 2", b"segment_count = 99999999", Damaged, "<= 65536"),
        (b"start_extent = 0", b"start_extent = 1", Damaged, "segment 1 begins at 1, not at 0"),
        (b"start_extent = 3", b"start_extent = 5", Damaged, "segment 2 begins at 5, not at 3"),
        (b'"pv0", 5', b'"pv0", -5', Damaged, ">= 0"),
        (b'"pv0", 5', b'"pv0"', Damaged, "stripes"),
        (b"logical_volumes {", b"logical_volumes [", Damaged, "behind 'logical_volumes'"),
        (b"pe_start = 256", b"pe_start = many", Damaged, "invalid literal"),
        (b"data {", b"data {" + b"x {" * 40 + b"}" * 40, Damaged, "sections 17 deep"),
    ],
)
def test_a_volume_laid_out_otherwise_and_metadata_that_cannot_be_meant_are_not_read(
    old: bytes, new: bytes, error: Errors, said: str, whole: bytes, tmp_path: Path
) -> None:
    with (
        device(retold(described(whole, tmp_path), old, new), tmp_path) as disk,
        pytest.raises(error, match=said),
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
