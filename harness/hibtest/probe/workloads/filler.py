"""A process whose memory fills a half of all swap."""

from __future__ import annotations

import mmap
import os
import zlib

from hibtest.probe import pages, procfs
from hibtest.probe.base import RUN, Facts
from hibtest.probe.detached import detach, stay
from hibtest.probe.witnesses.memory import MADV_PAGEOUT
from hibtest.probe.workloads import hoarder

STEP = 256  # pages that are made, and swapped out, at once
NOTE = RUN / "filler"


def start() -> Facts:
    """Start it; return what :func:`hoarder.look` does, without having read any of it."""
    hoarder.require_memfd()
    NOTE.unlink(missing_ok=True)
    detach(keep, RUN / "filler.log")
    procfs.wait_for(NOTE.exists, 120)
    pid, fd, size, crc = map(int, NOTE.read_text().split())
    return {"bytes": size, "crc": crc, "server": procfs.identity(pid), "fd": fd}


def keep() -> None:
    total = procfs.kib("/proc/meminfo", "SwapTotal") * 1024 // pages.SIZE
    fd, count, crc = os.memfd_create("filler"), 0, 0
    areas = []
    while free() > total // 2:
        data = pages.content(STEP, 43, count)
        os.ftruncate(fd, (count + STEP) * pages.SIZE)
        area = mmap.mmap(fd, len(data), offset=count * pages.SIZE)
        area[:] = data
        area.madvise(MADV_PAGEOUT)
        areas.append(area)
        count, crc = count + STEP, zlib.crc32(data, crc)
        if count > total:
            raise SystemExit(f"{count} pages did not fill a half of {total}")
    stay(NOTE, f"{os.getpid()} {fd} {count * pages.SIZE} {crc}")


def free() -> int:
    """Return how many pages are free in all swaps."""
    return procfs.kib("/proc/meminfo", "SwapFree") * 1024 // pages.SIZE
