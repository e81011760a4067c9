"""Images inside partitions, swap files and qcow2 disks."""

import os
import socket
import struct
import subprocess
from pathlib import Path

import pytest

from hibtest.errors import HostError, SpecError
from hibtest.image.disk import open_disk
from hibtest.image.reader import open_image
from tests.image.reading import contents
from tests.image.writer import PAGE, Recipe, write

SECTOR = 512


def mbr(*entries: tuple[int, int, int]) -> bytes:
    """Return a partition table of (type, first sector, sectors)."""
    table = b"".join(struct.pack("<4xB3xII", *entry) for entry in entries)
    return bytes(446) + table.ljust(64, b"\0") + b"\x55\xaa"


def gpt(*parts: tuple[int, int], sector: int = SECTOR) -> bytes:
    """Return the begin of a disk with a GPT of (first sector, sectors)."""
    head = bytearray(34 * sector)
    head[:SECTOR] = mbr((0xEE, 1, 0xFFFFFFFF))
    head[sector : sector + 8] = b"EFI PART"
    struct.pack_into("<QII", head, sector + 72, 2, 128, 128)
    for number, (first, sectors) in enumerate(parts):
        at = 2 * sector + number * 128
        head[at : at + 16] = b"\x01" * 16
        struct.pack_into("<QQ", head, at + 32, first, first + sectors - 1)
    return bytes(head)


def disk(tmp_path: Path, parts: dict[int, bytes]) -> Path:
    """Write a disk of parts that begin at these sectors."""
    path = tmp_path / "disk"
    with path.open("wb") as file:
        for sector, content in parts.items():
            file.seek(sector * SECTOR)
            file.write(content)
    return path


def check(path: Path, *, partition: int | None = None, offset: int = 0) -> None:
    with open_image(path, partition=partition, offset_pages=offset) as image:
        assert list(contents(image).values()) == list(Recipe().pages())


AREA = write(Recipe()).disk
SECTORS = len(AREA) // SECTOR


@pytest.mark.parametrize("first", [2048, 2049])
def test_partition_of_an_mbr(tmp_path: Path, first: int) -> None:
    table = mbr((0x83, 8, 8), (0x82, first, SECTORS))
    check(disk(tmp_path, {0: table, first: AREA}), partition=2)


def test_logical_partitions(tmp_path: Path) -> None:
    second = 100
    parts = {
        0: mbr((0x83, 8, 8), (0x05, 2048, 10000)),
        2048: mbr((0x83, 8, 8), (0x05, second, 5000)),
        2048 + second: mbr((0x82, 8, SECTORS)),
        2048 + second + 8: AREA,
    }
    check(disk(tmp_path, parts), partition=6)


def test_logical_partitions_in_a_circle(tmp_path: Path) -> None:
    parts = {0: mbr((0x05, 2048, 10000)), 2048: mbr((0x83, 8, 8), (0x05, 0, 5000)), 4000: AREA}
    with pytest.raises(SpecError, match="no partition 6; there are: 5"):
        check(disk(tmp_path, parts), partition=6)


def test_partition_of_a_gpt(tmp_path: Path) -> None:
    path = disk(tmp_path, {0: gpt((40, 8), (64, SECTORS)), 64: AREA})
    check(path, partition=2)
    with pytest.raises(SpecError, match="no partition 3; there are: 1, 2"):
        check(path, partition=3)


def test_partition_of_a_disk_with_sectors_of_4096_bytes(tmp_path: Path) -> None:
    table = gpt((40, 8), (64, len(AREA) // PAGE), sector=PAGE)
    check(disk(tmp_path, {0: table, 64 * 8: AREA}), partition=2)
    with pytest.raises(SpecError, match="no partition 3; there are: 1, 2"):
        check(tmp_path / "disk", partition=3)


@pytest.mark.parametrize("size", [0, 8, 91, SECTOR - 1])
@pytest.mark.parametrize("sector", [SECTOR, PAGE])
def test_a_gpt_that_ends_in_its_header(tmp_path: Path, sector: int, size: int) -> None:
    path = tmp_path / "disk"
    path.write_bytes(gpt((40, 8), sector=sector)[: sector + size])
    with pytest.raises(SpecError, match="promises a GPT"):
        check(path, partition=1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (bytes(SECTOR), "no partition table"),
        (mbr((0xEE, 1, 99)) + bytes(SECTOR), "promises a GPT"),
        (gpt((40, 8), (64, 1 << 50)), "after the disk's end"),
        (mbr((0x82, 40, 8), (0x82, 64, 0xFFFFFFFF)), "after the disk's end"),
    ],
)
def test_tables_that_are_wrong(tmp_path: Path, table: bytes, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check(disk(tmp_path, {0: table, 64: AREA}), partition=2)


def test_swap_file_in_a_partition(tmp_path: Path) -> None:
    area = write(Recipe(offset=38)).disk
    check(disk(tmp_path, {0: gpt((64, len(area) // SECTOR)), 64: area}), partition=1, offset=38)


def qemu_img(*words: str | Path) -> None:
    subprocess.run(["qemu-img", *words], check=True, capture_output=True)


def test_qcow2(tmp_path: Path) -> None:
    raw, packed = tmp_path / "raw", tmp_path / "packed"
    raw.write_bytes(AREA)
    qemu_img("convert", "-c", "-O", "qcow2", raw, packed)
    check(packed)


def test_broken_qcow2(tmp_path: Path) -> None:
    path = tmp_path / "broken"
    path.write_bytes(b"QFI\xfb" + bytes(PAGE))
    with pytest.raises(HostError, match="qemu-img cannot unpack it"):
        check(path)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nothing", "cannot open: No such file"),
        ("directory", "a directory is no disk"),
        ("fifo", "a FIFO is no disk"),
        ("socket", "a socket is no disk"),
        ("/dev/zero", "a character device is no disk"),
        ("/proc/cpuinfo", "has no size"),
        ("nul\0", "is no path"),
    ],
)
def test_what_cannot_be_opened(tmp_path: Path, kind: str, message: str) -> None:
    path = tmp_path / kind  # an absolute one is taken as it is
    if kind == "directory":
        path.mkdir()
    if kind == "fifo":
        os.mkfifo(path)
    if kind == "socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    with pytest.raises(HostError, match=message), open_disk(path):
        pass


@pytest.mark.parametrize("size", [0, PAGE - 1])
def test_files_that_are_too_small(tmp_path: Path, size: int) -> None:
    path = disk(tmp_path, {0: bytes(size)})
    with pytest.raises(SpecError, match="not even a page"):
        check(path)


def test_offset_beyond_the_end(tmp_path: Path) -> None:
    path = disk(tmp_path, {0: AREA})
    with pytest.raises(SpecError, match="begins at block 5000"):
        check(path, offset=5000)
