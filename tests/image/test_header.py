"""The swap header: made-up pages, and anything else that may lie there."""

import struct
from hashlib import blake2b
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hibtest.errors import HostError
from hibtest.evidence import SwapHeader
from hibtest.image.header import PAGE_SIZE, flag_names, parse_header
from hibtest.image.place import ImagePlace


def make_page(
    sig: bytes = b"S1SUSPEND\0",
    *,
    orig_sig: bytes = b"SWAPSPACE2",
    flags: int = 5,
    image: int = 1,
    crc32: int = 0xDEADBEEF,
    hw_sig: int = 0,
) -> bytes:
    tail = struct.pack("<IIQI10s10s", hw_sig, crc32, image, flags, orig_sig, sig)
    return bytes(PAGE_SIZE - len(tail)) + tail


def header_in(disk: Path, offset: int = 0) -> SwapHeader:
    header = ImagePlace(path=disk, offset=offset).header()
    assert header
    return header


def test_fields_lie_where_the_kernel_puts_them() -> None:
    page = make_page(hw_sig=0x11, crc32=0x22, image=0x33, flags=0x44)
    assert struct.unpack_from("<IIQI", page, 4056) == (0x11, 0x22, 0x33, 0x44)
    assert page[4076:4086] == b"SWAPSPACE2"
    assert page[4086:4096] == b"S1SUSPEND\0"


def test_armed_header(tmp_path: Path) -> None:
    disk = tmp_path / "swap"
    disk.write_bytes(make_page() + bytes(PAGE_SIZE))
    assert header_in(disk) == SwapHeader(
        sig="S1SUSPEND",
        orig_sig="SWAPSPACE2",
        armed=True,
        image=1,
        flags=5,
        flag_names=("PLATFORM_MODE", "CRC32_MODE"),
        crc32=0xDEADBEEF,
        hw_sig=0,
        rest=blake2b(bytes(4056), digest_size=8).hexdigest(),
    )


def test_consumed_header_keeps_its_fields() -> None:
    header = parse_header(make_page(b"SWAPSPACE2", flags=0x14, image=7))
    assert not header.armed
    assert (header.sig, header.image) == ("SWAPSPACE2", 7)
    assert header.flag_names == ("CRC32_MODE", "COMPRESSION_ALG_LZ4")


@pytest.mark.parametrize(
    ("sig", "text"),
    [
        (bytes(10), ""),
        (b"S1SUSPEND ", "S1SUSPEND "),
        (b"ULSUSPEND\0", "ULSUSPEND"),
        (b"S1SUSPEND\xff", "S1SUSPEND\\xff"),
        (b"\x1b[31m\0\0\0\0\n", "\\x1b[31m\\x00\\x00\\x00\\x00\\x0a"),
    ],
)
def test_other_signatures_are_not_armed_and_print_safely(sig: bytes, text: str) -> None:
    header = parse_header(make_page(sig))
    assert not header.armed
    assert header.sig == text


def test_unknown_flags_are_named_by_bit() -> None:
    assert flag_names(0) == ()
    assert flag_names(0x8000002A) == ("NOCOMPRESS_MODE", "HW_SIG", "BIT_5", "BIT_31")


def test_header_of_a_swap_file(tmp_path: Path) -> None:
    disk = tmp_path / "root"
    disk.write_bytes(bytes(3 * PAGE_SIZE) + make_page(image=34817))
    assert header_in(disk, 3).image == 34817
    assert not header_in(disk).armed


@pytest.mark.parametrize("offset", [-1, 1, 2, 1 << 60])
def test_a_page_outside_the_file_is_none(tmp_path: Path, offset: int) -> None:
    disk = tmp_path / "swap"
    disk.write_bytes(make_page() + bytes(PAGE_SIZE - 1))
    assert ImagePlace(path=disk, offset=offset).header() is None


def test_what_cannot_be_read_is_a_host_error(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="No such file"):
        header_in(tmp_path / "missing")
    with pytest.raises(HostError, match="directory"):
        header_in(tmp_path)


@given(tail=st.binary(min_size=40, max_size=40))
def test_any_page_can_be_read_and_stored(tail: bytes) -> None:
    header = parse_header(bytes(PAGE_SIZE - 40) + tail)
    assert header.armed == tail.endswith(b"S1SUSPEND\0")
    assert header.sig.isprintable()
    assert header.orig_sig.isprintable()
    assert msgspec.json.decode(msgspec.json.encode(header), type=SwapHeader) == header


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(size=st.integers(0, 2 * PAGE_SIZE), offset=st.integers(-2, 3) | st.integers())
def test_any_file_gives_a_header_or_none(tmp_path: Path, size: int, offset: int) -> None:
    disk = tmp_path / "swap"
    disk.write_bytes(bytes(size))
    inside = 0 <= offset < size // PAGE_SIZE
    found = ImagePlace(path=disk, offset=offset).header()
    assert (found is not None) == inside
