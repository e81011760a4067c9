"""Kernel files: good, damaged and hostile ones."""

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hibtest.errors import SpecError
from hibtest.images import bzimage
from tests.images.bzimages import SETUP, VERSION, make_bzimage


def write(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "bzImage"
    path.write_bytes(data)
    return path


def patched(offset: int, form: str, value: int) -> bytes:
    data = bytearray(make_bzimage())
    struct.pack_into(form, data, offset, value)
    return bytes(data)


def test_reads_a_kernel(tmp_path: Path) -> None:
    image = bzimage.read(write(tmp_path, make_bzimage(b"compressed", gap=48)))
    assert image.release == "6.12.0-test"
    assert image.version == VERSION
    assert image.protocol == (2, 15)
    assert image.payload_offset == SETUP + 48
    assert image.payload_length == len(b"compressed")


def test_bytes_after_the_kernel_are_allowed(tmp_path: Path) -> None:
    # a Secure Boot signature is appended
    assert bzimage.read(write(tmp_path, make_bzimage() + bytes(1000))).release == "6.12.0-test"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not an x86 kernel"),
        (b"#!/bin/sh\n" * 100, "not an x86 kernel"),
        (b"\x7fELF" + bytes(4096), "an ELF file"),
        (make_bzimage()[:0x300], "cut short"),
        (make_bzimage()[:-1], "cut short"),
        (patched(0x1FE, "<H", 0), "not an x86 kernel"),
        (patched(0x202, "<I", 0), "not an x86 kernel"),
        (patched(0x206, "<H", 0x0204), "not an x86-64 kernel"),
        (patched(0x236, "<H", 0), "not an x86-64 kernel"),
        (patched(0x20E, "<H", 0xFFFF), "does not say its release"),
        (patched(0x20E, "<H", 0x3F0), "does not say its release"),
        (patched(0x400, "<B", 7), "does not say its release"),
        (patched(0x248, "<I", 0xFFFFFFFF), "cut short"),
        (patched(0x24C, "<I", 0xFFFFFFFF), "cut short"),
    ],
)
def test_what_is_no_kernel_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = write(tmp_path, data)
    with pytest.raises(SpecError, match=message) as caught:
        bzimage.read(path)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="No such file"):
        bzimage.read(tmp_path / "missing")
    with pytest.raises(SpecError, match="not a file"):
        bzimage.read(tmp_path)
    with pytest.raises(SpecError, match="not a file"):
        bzimage.read(Path("/dev/zero"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(offset=st.integers(0x1F0, 0x4FF), noise=st.binary(min_size=1, max_size=64))
def test_noise_in_the_header_never_raises_anything_else(
    tmp_path: Path, offset: int, noise: bytes
) -> None:
    data = bytearray(make_bzimage())
    data[offset : offset + len(noise)] = noise
    path = write(tmp_path, bytes(data))
    try:
        image = bzimage.read(path)
    except SpecError:
        return
    assert image.release
    assert image.payload_offset + image.payload_length <= path.stat().st_size
