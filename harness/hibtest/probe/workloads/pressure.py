"""Memory of one kind, filled until so much of all memory is in use."""

from __future__ import annotations

import mmap
import os
import shutil
import zlib
from pathlib import Path

from hibtest.probe import pages, procfs, syscalls
from hibtest.probe.base import RUN, Facts, Lacking
from hibtest.probe.detached import detach, stay
from hibtest.probe.workloads import disks
from hibtest.probe.workloads.hoarder import STEP, summed

LIMIT = 240.0  # s: what does not fit is swapped out meanwhile
CACHED = Path("/root/page-cache")
HUGE = Path("/proc/sys/vm/nr_hugepages")
MAP_HUGETLB = 0x40000  # include/uapi/asm-generic/mman-common.h
ANONYMOUS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


def start(kind: str, percent: int) -> Facts:
    """Fill memory; return ``{"bytes", "crc"}``, and where they are.

    Those of a process: ``{"server", "address"}``; of a file, which needs none: ``{"file"}``.

    :raise Lacking: When the kernel has no memory of this kind.
    """
    size = missing(percent)
    if kind == "page-cache":
        return written(CACHED, size)
    if kind == "tmpfs":
        point = disks.point("pressure")
        point.mkdir(parents=True, exist_ok=True)
        disks.run("mount", "-t", "tmpfs", "-o", "size=100%", "tmpfs", str(point))
        return written(point / "file", size)
    note = RUN / "pressure"
    note.unlink(missing_ok=True)
    if kind == "huge":
        size = huge(size)
    detach(lambda: keep(kind, size, note), RUN / "pressure.log")
    procfs.wait_for(note.exists, LIMIT)
    pid, address, crc = map(int, note.read_text().split())
    return {"bytes": size, "crc": crc, "server": procfs.identity(pid), "address": address}


def look(planted: Facts) -> Facts:
    """Return the same, as it is now."""
    if "file" in planted:
        size, crc = summed(Path(planted["file"]))
        return {**planted, "bytes": size, "crc": crc}
    pid, address = planted["server"]["pid"], planted["address"]
    size, crc = summed(Path(f"/proc/{pid}/mem"), address, planted["bytes"])
    return {"bytes": size, "crc": crc, "server": procfs.identity(pid), "address": address}


def missing(percent: int) -> int:
    """Return how many bytes are to be filled, until so much of all memory is in use."""
    total, left = (procfs.kib("/proc/meminfo", key) for key in ("MemTotal", "MemAvailable"))
    size = (left - total * (100 - percent) // 100) * 1024
    return max(1, size // (STEP * pages.SIZE)) * STEP * pages.SIZE


def huge(size: int) -> int:
    """Reserve huge pages for so much memory; return how much there is of them."""
    if not HUGE.exists():
        raise Lacking(f"{HUGE} is not there", "HUGETLBFS")
    each = procfs.kib("/proc/meminfo", "Hugepagesize") * 1024
    procfs.write(HUGE, str(size // each))
    return procfs.kib("/proc/meminfo", "HugePages_Total") * each


def written(path: Path, size: int) -> Facts:
    """Write a file, and read it, so that all of it is in memory; return what it holds."""
    crc = 0
    with path.open("wb") as file:
        for first in range(0, size // pages.SIZE, STEP):
            data = pages.content(STEP, 44, first)
            file.write(data)
            crc = zlib.crc32(data, crc)
        file.flush()
        os.fsync(file.fileno())
    with path.open("rb") as file, Path(os.devnull).open("wb") as nowhere:
        shutil.copyfileobj(file, nowhere)
    return {"bytes": size, "crc": crc, "file": str(path), "server": None}


def keep(kind: str, size: int, note: Path) -> None:
    """Have memory of a process's own, and keep it."""
    area = mmap.mmap(-1, size, ANONYMOUS | (MAP_HUGETLB if kind == "huge" else 0))
    crc = 0
    for first in range(0, size // pages.SIZE, STEP):
        data = pages.content(STEP, 44, first)
        area[first * pages.SIZE : (first + STEP) * pages.SIZE] = data
        crc = zlib.crc32(data, crc)
    if kind == "locked":
        syscalls.mlock(area)
    stay(note, f"{os.getpid()} {syscalls.address(area)} {crc}")
