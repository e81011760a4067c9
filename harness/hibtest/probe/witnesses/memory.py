"""Witnesses in memory: each kind of page that an image must hold, or leave on its swap."""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from pathlib import Path

from hibtest.linux import swaps
from hibtest.linux.descriptors import closing
from hibtest.probe import pages, procfs, syscalls
from hibtest.probe.base import DISK, RUN, Facts, Lacking, Planted, Witness

# include/uapi/asm-generic/mman-common.h; Python names neither before 3.14.
MADV_PAGEOUT = 21
# Makes huge pages at once, whatever /sys/kernel/mm/transparent_hugepage says (6.1).
MADV_COLLAPSE = 25
MIB = 1 << 20
# Pages that are filled at a time.
PIECE = 16


def anonymous() -> Planted:
    """8 MiB of private anonymous memory, in huge pages where the kernel gives them.

    Planted: ``{"pages", "crc", "huge_kib"}``; found: :func:`pages.differences`.
    """
    area = private(8 * MIB)
    region = fill(area, seed=1)
    with contextlib.suppress(OSError):  # without CONFIG_TRANSPARENT_HUGEPAGE: small pages do
        area.madvise(MADV_COLLAPSE)
    huge = procfs.kib("/proc/self/smaps_rollup", "AnonHugePages")
    return Planted({**region.facts, "huge_kib": huge}, region.look)


def private(size: int) -> mmap.mmap:
    area = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    # The daemon's children have no use for it, and each fork would copy its page tables.
    area.madvise(mmap.MADV_DONTFORK)
    return area


def fill(area: mmap.mmap, seed: int) -> pages.Region:
    # Piece by piece: the heap does not grow to the size of the area, and remain there.
    for first in range(0, len(area) // pages.SIZE, PIECE):
        at = first * pages.SIZE
        area[at : at + PIECE * pages.SIZE] = pages.content(PIECE, seed, first)
    return pages.Region(lambda: memoryview(area), memoryview(area))


def shared() -> Planted:
    """1 MiB of shared anonymous memory. Planted, found: as :func:`anonymous`, without huge."""
    region = fill(mmap.mmap(-1, MIB), seed=2)
    return Planted(region.facts, region.look)


def locked() -> Planted:
    """1 MiB of memory locked with mlock(2). Planted: ``{"pages", "crc", "locked_kib"}``."""
    area = private(MIB)
    syscalls.mlock(area)
    region = fill(area, seed=3)

    def kept() -> Facts:
        return {"locked_kib": procfs.kib("/proc/self/status", "VmLck")}

    return Planted({**region.facts, **kept()}, lambda: {**region.look(), **kept()})


def tmpfs() -> Planted:
    """1 MiB in a file on a tmpfs. Planted: ``{"pages", "crc", "path"}``."""
    path = RUN / "witness"
    data = pages.content(MIB // pages.SIZE, 4)
    path.write_bytes(data)
    region = pages.Region(path.read_bytes, data)
    return Planted({**region.facts, "path": str(path)}, region.look)


def page_cache() -> Planted:
    """1 MiB of page cache of a file on a disk, written and synced.

    Planted: ``{"pages", "crc", "path", "resident"}``. Found: the differences of the cached
    pages, ``"resident"`` pages before they were read, and the same of what is on the disk
    itself (``"disk"``: differences, or a text that says why it could not be read).
    """
    DISK.mkdir(parents=True, exist_ok=True)
    path = DISK / "witness"
    data = pages.content(MIB // pages.SIZE, 5)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    os.write(fd, data)
    os.fsync(fd)
    area = mmap.mmap(fd, len(data))
    region = pages.Region(lambda: memoryview(area), data)

    def look() -> Facts:
        resident = syscalls.mincore(area)
        disk = uncached(path, region)
        return {**region.look(), "resident": resident, "disk": disk}

    facts = {**region.facts, "path": str(path), "resident": syscalls.mincore(area)}
    return Planted(facts, look)


def uncached(path: Path, region: pages.Region) -> Facts | str:
    size = region.facts["pages"] * pages.SIZE
    try:
        flags = os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC
        with closing(os.open(path, flags)) as fd, mmap.mmap(-1, size) as buffer:
            os.preadv(fd, [buffer], 0)
            return pages.differences(bytes(buffer), region.sums)
    except OSError as error:
        return str(error)


def swapped() -> Planted:
    """1 MiB of memory that was pushed out to swap: it shares the device with the image.

    Planted: ``{"pages", "crc", "swapped"}``, ``swapped`` in pages. Found: the same, counted
    before the pages are read, and pushed out again afterwards.
    """
    if not swaps.parse(procfs.need("/proc/swaps").encode()):
        raise Lacking("no swap is on")
    area = private(MIB)
    region = fill(area, seed=6)
    start = syscalls.address(area)
    area.madvise(MADV_PAGEOUT)

    def look() -> Facts:
        out = swapped_pages(start, region.facts["pages"])
        found = region.look()
        area.madvise(MADV_PAGEOUT)
        return {**found, "swapped": out}

    return Planted({**region.facts, "swapped": swapped_pages(start, region.facts["pages"])}, look)


def swapped_pages(start: int, count: int) -> int:
    # Bit 62 of a pagemap entry: the page is swapped (Documentation/admin-guide/mm/pagemap.rst).
    with closing(os.open("/proc/self/pagemap", os.O_RDONLY)) as fd:
        entries = os.pread(fd, 8 * count, start // pages.SIZE * 8)
    return sum(entry >> 62 & 1 for (entry,) in struct.iter_unpack("<Q", entries))


WITNESSES = (
    Witness("memory", anonymous),
    Witness("shared-memory", shared),
    Witness("locked-memory", locked),
    Witness("tmpfs", tmpfs),
    Witness("page-cache", page_cache),
    Witness("swapped-memory", swapped),
)
