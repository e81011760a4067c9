"""A kernel file that is damaged is named before anything boots, wherever the damage is."""

import gzip
import hashlib
import lzma
import struct
from pathlib import Path

import pytest
import zstandard

from hibtest.errors import KernelError
from hibtest.images import bzimage
from hibtest.images.damage import require_whole
from tests.images.bzimages import SETUP, make_bzimage

NEWER = "7.3.4 (root@builder) #1 SMP"  # its files have no CRC
KERNEL = hashlib.shake_128(b"kernel").digest(1 << 16) + b"text" * (1 << 14)


def sized(packed: bytes) -> bytes:
    return packed + struct.pack("<I", len(KERNEL))


PAYLOADS = {
    "gzip": gzip.compress(KERNEL),
    "xz": sized(lzma.compress(KERNEL, check=lzma.CHECK_CRC32)),
    "zstd": sized(zstandard.ZstdCompressor(write_checksum=True).compress(KERNEL)),
}


def check(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    require_whole(bzimage.read(path))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bzImage"


@pytest.mark.parametrize("kind", PAYLOADS)
@pytest.mark.parametrize("version", ["6.12.0 (root@builder) #1", NEWER])
def test_whole_ones_pass(file: Path, kind: str, version: str) -> None:
    check(file, make_bzimage(PAYLOADS[kind], version=version))


def test_what_is_compressed_in_a_way_that_is_not_read_here_passes(file: Path) -> None:
    check(file, make_bzimage(b"\x89LZO" + KERNEL))


@pytest.mark.parametrize("kind", PAYLOADS)
@pytest.mark.parametrize("version", ["6.12.0 (root@builder) #1", NEWER])
@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_a_bit_of_the_payload(file: Path, kind: str, version: str, at: float) -> None:
    data = bytearray(make_bzimage(PAYLOADS[kind], version=version))
    data[int(SETUP + 32 + len(PAYLOADS[kind]) * at)] ^= 4
    with pytest.raises(KernelError, match="damaged"):
        check(file, bytes(data))


def test_a_bit_of_the_code_that_unpacks_it(file: Path) -> None:
    data = bytearray(make_bzimage(PAYLOADS["gzip"]))
    data[SETUP + 5] ^= 4
    with pytest.raises(KernelError, match="damaged: its CRC is wrong"):
        check(file, bytes(data))


def test_a_payload_of_another_length(file: Path) -> None:
    packed = lzma.compress(KERNEL, check=lzma.CHECK_CRC32) + struct.pack("<I", len(KERNEL) + 1)
    with pytest.raises(KernelError, match="damaged: it unpacks to"):
        check(file, make_bzimage(packed, version=NEWER))


def test_a_signed_one_has_no_crc_any_more(file: Path) -> None:
    data = bytearray(make_bzimage(PAYLOADS["gzip"]))
    pe = 0x40
    struct.pack_into("<I", data, 0x3C, pe)
    data[pe : pe + 4] = b"PE\0\0"
    struct.pack_into("<II", data, pe + 24 + 112 + 32, 4096, 1472)
    check(file, bytes(data))
