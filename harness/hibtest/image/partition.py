"""Where a partition lies on a disk: GPT and MBR tables, logical partitions included.

UEFI specification 2.10, section 5.3 (GPT); the MBR as Linux reads it, block/partitions/msdos.c
(v6.12). Tables count sectors, of 512 bytes on most disks, and of 4096 on some ("4Kn"). A block
device says which; of a file's GPT it shows, as the table lies in the second sector; an MBR in a
file is taken to count 512 bytes.
"""

import fcntl
import os
import stat
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from hibtest.errors import HostError, SpecError
from hibtest.image.blocks import Blocks
from hibtest.image.extents import Extent, Extents
from hibtest.image.header import PAGE_SIZE

_SECTOR = 512  # also the bytes of an MBR, whatever the disk's sectors
_SIZES = (_SECTOR, 4096)
_BLKSSZGET = 0x1268  # include/uapi/linux/fs.h
_GPT = b"EFI PART"
_EXTENDED = {0x05, 0x0F, 0x85}
_PROTECTIVE = 0xEE
_MOST = 256  # partitions that Linux would number

_Read = Callable[[int, int], bytes]  # so many bytes, from this byte of the disk on


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A partition: its number as in the kernel's names, its first byte, its size in bytes."""

    number: int
    start: int
    size: int


def find_partition(fd: int, name: str, number: int) -> Partition:
    """Return one of the partitions of a disk.

    :param fd: The disk, open for reading.
    :param name: What it is called in messages.
    :raise SpecError: When there is no table, or no such partition in it.
    :raise HostError: When the disk cannot be read.
    """
    read = partial(os.pread, fd)
    try:
        return _found(read, name, number, os.lseek(fd, 0, os.SEEK_END), partial(_sector_of, fd))
    except OSError as error:
        raise HostError(f"{name}: cannot read the partitions: {error.strerror}") from error


def within(disk: Blocks, number: int) -> Extents:
    """Return one of the partitions of a disk, as blocks.

    :raise SpecError: When there is no table, no such partition in it, or one that begins or ends
        within a block.
    :raise HostError: When the disk cannot be read.
    """

    def read(count: int, at: int) -> bytes:
        return disk.peek(at, count)

    part = _found(read, disk.name, number, disk.size, lambda: _SECTOR)
    if part.start % PAGE_SIZE or part.size % PAGE_SIZE:
        raise SpecError(f"{disk.name}: partition {number} has {part.size} bytes from {part.start}")
    count = part.size // PAGE_SIZE
    extent = Extent(first=0, below=part.start // PAGE_SIZE, count=count)
    return Extents(name=disk.name, count=count, device=disk, extents=(extent,))


def _found(read: _Read, name: str, number: int, size: int, sector: Callable[[], int]) -> Partition:
    found = {part.number: part for part in _partitions(read, name, sector)}
    if number not in found:
        there = ", ".join(map(str, sorted(found))) or "none"
        raise SpecError(f"{name}: no partition {number}; there are: {there}")
    part = found[number]
    if part.start + part.size > size:
        raise SpecError(
            f"{name}: partition {number} ends at byte {part.start + part.size},"
            " which is after the disk's end",
            hint="the disk is cut short",
        )
    return part


def _partitions(read: _Read, name: str, sector_of: Callable[[], int]) -> Iterator[Partition]:
    mbr = read(_SECTOR, 0)
    if mbr[510:] != b"\x55\xaa":
        raise SpecError(f"{name}: no partition table", hint="leave --partition away")
    entries, sector = list(_entries(mbr)), _sector(read) or sector_of()
    if any(kind == _PROTECTIVE for kind, _, _ in entries):
        yield from _gpt(read, name, sector)
        return
    for number, (kind, start, sectors) in enumerate(entries, 1):
        if sectors and kind not in _EXTENDED:
            yield _partition(number, start, sectors, sector)
        elif sectors:
            yield from _logical(read, start, sector)


def _sector(read: _Read) -> int:
    """Return the bytes of a sector as a GPT counts them, 0 where there is none."""
    return next((size for size in _SIZES if read(len(_GPT), size) == _GPT), 0)


def _sector_of(fd: int) -> int:
    """Return the bytes of a sector, as the kernel says; a file's has 512."""
    if not stat.S_ISBLK(os.fstat(fd).st_mode):
        return _SECTOR
    return int.from_bytes(fcntl.ioctl(fd, _BLKSSZGET, bytes(4)), sys.byteorder)


def _entries(mbr: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield type, first sector and number of sectors of the four entries of an MBR."""
    for at in range(446, 510, 16):
        yield mbr[at + 4], *struct.unpack_from("<II", mbr, at + 8)


def _logical(read: _Read, extended: int, size: int) -> Iterator[Partition]:
    """Follow the chain of an extended partition; numbers begin with 5."""
    table, seen = extended, {extended}
    for number in range(5, _MOST):
        sector = read(_SECTOR, table * size)
        if sector[510:] != b"\x55\xaa":
            return
        entries = list(_entries(sector))
        data = [entry for entry in entries if entry[0] not in _EXTENDED and entry[2]]
        links = [entry for entry in entries if entry[0] in _EXTENDED and entry[2]]
        if data:
            yield _partition(number, table + data[0][1], data[0][2], size)
        if not links or extended + links[0][1] in seen:
            return
        table = extended + links[0][1]
        seen.add(table)


def _gpt(read: _Read, name: str, sector: int) -> Iterator[Partition]:
    header = read(_SECTOR, sector)
    if len(header) < _SECTOR or not header.startswith(_GPT):
        raise SpecError(f"{name}: its MBR promises a GPT, but there is none")
    table, count, size = struct.unpack_from("<QII", header, 72)
    if not 128 <= size <= 4096 or table > 1 << 40:
        raise SpecError(f"{name}: a GPT with entries of {size} bytes at sector {table}")
    for number in range(1, min(count, _MOST) + 1):
        entry = read(size, table * sector + (number - 1) * size)
        if len(entry) < size:
            return
        first, last = struct.unpack_from("<QQ", entry, 32)
        if any(entry[:16]) and first <= last:
            yield _partition(number, first, last - first + 1, sector)


def _partition(number: int, start: int, sectors: int, size: int) -> Partition:
    return Partition(number=number, start=start * size, size=sectors * size)
