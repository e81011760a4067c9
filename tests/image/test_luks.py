"""LUKS2 devices: what opens, what is damaged, what nobody may make us do."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hibtest.errors import SpecError
from hibtest.image import luks
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE
from tests.image.recorded_disk import SECOND_COPY, device

ESSIV = "aes-cbc-essiv:sha256"


def opened(content: bytes, directory: Path) -> int:
    """Open a device; return how many blocks it has."""
    with device(content, directory) as disk:
        return luks.opened(disk, b"hibtest").count


def test_the_second_copy_of_a_header_does(whole: bytes, tmp_path: Path) -> None:
    assert opened(bytes(4096) + whole[4096:], tmp_path)


def test_a_header_of_which_neither_copy_is_whole_is_damaged(whole: bytes, tmp_path: Path) -> None:
    flipped = bytearray(whole)
    for at in (5000, SECOND_COPY + 5000):
        flipped[at] ^= 1
    with pytest.raises(Damaged, match="neither copy"):
        opened(bytes(flipped), tmp_path)


def test_a_wrong_passphrase_opens_nothing(whole: bytes, tmp_path: Path) -> None:
    with device(whole, tmp_path) as disk, pytest.raises(SpecError, match="no key slot opens"):
        luks.opened(disk, b"hibtes")


def test_a_damaged_slot_opens_nothing(whole: bytes, tmp_path: Path) -> None:
    flipped = bytearray(whole)
    flipped[2 * SECOND_COPY + 70_000] ^= 1  # the slots lie behind both copies
    with pytest.raises(SpecError, match="no key slot"):
        opened(bytes(flipped), tmp_path)


@pytest.mark.parametrize("content", [bytes(1 << 16), b"LUKS", b"x" * 5000])
def test_what_is_no_luks_device_is_said(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="not a LUKS device"):
        opened(content, tmp_path)


def with_field(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """Return what gives a field of a header, such as ``segments.0.size``, another value."""

    def change(header: dict[str, Any]) -> None:
        *way, last = path.split(".")
        for name in way:
            header = header[name]
        header[last] = value

    return change


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
    ("path", "value", "error", "said"),
    [
        ("segments.0.size", "abc", Damaged, "size"),
        ("segments.0.iv_tweak", "-1", Damaged, "iv_tweak"),
        ("segments.0.iv_tweak", str(1 << 70), Damaged, "iv_tweak"),
        ("segments.0.offset", "-4096", Damaged, "offset"),
        ("keyslots.0.area.offset", "-512", Damaged, "offset"),
        ("keyslots.0.area.key_size", 1 << 18, Damaged, "key_size"),
        ("keyslots.0.key_size", 48, Damaged, "key_size"),
        ("keyslots.0.af.stripes", 1 << 30, Damaged, "stripes"),
        ("keyslots.0.af.hash", "md6", Damaged, "md6"),
        ("keyslots.0.kdf.memory", 1 << 30, Damaged, "memory"),
        ("keyslots.0.kdf.salt", "%", Damaged, "Only base64|Invalid|base64"),
        ("digests.0.iterations", 1 << 40, Damaged, "iterations"),
        ("digests.0.hash", "nothing", Damaged, "unsupported"),
        (
            "segments.0.encryption",
            "aes-cbc-essiv:sha256",
            SpecError,
            "encrypted by aes-cbc-essiv:sha256",
        ),
        ("segments.0.sector_size", 777, SpecError, "sectors of 777 bytes"),
        ("segments.0.offset", "262656", SpecError, "from byte 262656 on"),
        ("segments.0.type", "linear", SpecError, "not one encrypted segment"),
    ],
)
def test_a_header_that_cannot_be_meant_is_damaged_and_another_encryption_is_not_read(
    path: str, value: object, error: type[Exception], said: str, whole: bytes, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        opened(resigned(whole, with_field(path, value)), tmp_path)


def test_a_header_that_would_take_days_to_open_is_refused(whole: bytes, tmp_path: Path) -> None:
    def change(header: dict[str, Any]) -> None:
        header["keyslots"]["0"]["kdf"] |= {"time": 64, "memory": 1 << 20}
        for number in range(1, 4):
            header["keyslots"][str(number)] = header["keyslots"]["0"]

    with pytest.raises(Damaged, match=r"4 slots that take \d+ rounds"):
        opened(resigned(whole, change), tmp_path)


@pytest.mark.parametrize("text", [b"[" * 6000, b'{"a": "\xff"}', b"", b"{}"])
def test_what_is_no_header_at_all_is_damaged(text: bytes, whole: bytes, tmp_path: Path) -> None:
    with pytest.raises(Damaged):
        opened(resigned(whole, text), tmp_path)


def test_a_header_that_was_only_signed_anew_opens(whole: bytes, tmp_path: Path) -> None:
    assert opened(resigned(whole, lambda _: None), tmp_path)


def test_a_segment_may_have_a_size_of_its_own(whole: bytes, tmp_path: Path) -> None:
    def sized(size: int) -> bytes:
        return resigned(whole, lambda header: header["segments"]["0"].update(size=str(size)))

    blocks = 3008  # from 256 KiB on to the end of 12 MiB
    assert opened(sized(2 * PAGE_SIZE), tmp_path) == 2
    assert opened(sized(blocks * PAGE_SIZE), tmp_path) == blocks
    for size in (0, (blocks + 1) * PAGE_SIZE):
        with pytest.raises(Damaged, match="end outside"):
            opened(sized(size), tmp_path)


def test_a_slot_that_does_not_fit_its_area_is_damaged(whole: bytes, tmp_path: Path) -> None:
    change = with_field("keyslots.0.area.size", "1000")
    with pytest.raises(Damaged, match="1000"):
        opened(resigned(whole, change), tmp_path)
