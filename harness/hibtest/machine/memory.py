"""The guest's memory, page by page, two ways: mapped with no copy, or saved by QMP's pmemsave.

Both give a :class:`GuestMemory`, in which a page is found by its page frame number (PFN).
"""

import mmap
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hibtest.deadline import Deadline
from hibtest.errors import HostError, QemuError
from hibtest.machine.arch import X86_64
from hibtest.machine.monitor import Monitor

PAGE_SIZE = 4096
_LEGACY = X86_64.hole


@dataclass(frozen=True, slots=True, kw_only=True)
class RamRange:
    """Pages of RAM that follow one another, for the guest and in the file.

    :ivar pfn: The first one's page frame number.
    :ivar row: The first one's place in the file, in pages.
    :ivar pages: How many.
    """

    pfn: int
    row: int
    pages: int


class GuestMemory:
    """The guest's memory, read-only.

    :ivar pages: All RAM, ``(pages, 4096)`` bytes, in the order of the file: not by PFN.
    :ivar ranges: Which PFNs are RAM, and where they are in :attr:`pages`; ascending.
    """

    def __init__(self, pages: NDArray[np.uint8], ranges: Sequence[RamRange]) -> None:
        self.pages = pages
        self.ranges = tuple(ranges)

    def rows(self, pfns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the row in :attr:`pages` of each PFN, -1 where the guest has no RAM."""
        rows = np.full(pfns.shape, -1, dtype=np.int64)
        for part in self.ranges:
            inside = (pfns >= part.pfn) & (pfns < part.pfn + part.pages)
            rows[inside] = pfns[inside] - part.pfn + part.row
        return rows

    def pfns(self) -> NDArray[np.int64]:
        """Return the PFNs of all RAM, ascending."""
        parts = [np.arange(part.pfn, part.pfn + part.pages) for part in self.ranges]
        return np.concatenate(parts, dtype=np.int64)


def ram_ranges(monitor: Monitor, deadline: Deadline) -> tuple[RamRange, ...]:
    """Ask QEMU where in the guest's physical memory its RAM is.

    :raise QemuError: When QEMU does not say it as a q35 machine does.
    :raise DeadlineExpired: When QEMU does not answer in time.
    """
    low, *high = (
        RamRange(pfn=addr // PAGE_SIZE, row=0, pages=size // PAGE_SIZE)
        for addr, size in _banks(monitor, deadline)
    )
    return (
        RamRange(pfn=0, row=0, pages=_LEGACY.start),
        RamRange(pfn=_LEGACY.stop, row=_LEGACY.stop, pages=low.pages - _LEGACY.stop),
        *(RamRange(pfn=bank.pfn, row=low.pages, pages=bank.pages) for bank in high),
    )


@contextmanager
def mapped(fd: int, ranges: Sequence[RamRange]) -> Iterator[GuestMemory]:
    """Map a file that holds the guest's memory, without copying it.

    What the guest writes is seen at once. The mapping is gone at the end of the block, but stays
    as long as somebody keeps a part of ``pages``.

    :raise HostError: When it cannot be mapped.
    """
    try:
        mapping = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
    except (OSError, ValueError) as error:
        raise HostError(f"the guest's memory cannot be mapped: {error}") from error
    memory = GuestMemory(np.frombuffer(mapping, dtype=np.uint8).reshape(-1, PAGE_SIZE), ranges)
    try:
        yield memory
    finally:
        memory.pages = np.empty((0, PAGE_SIZE), dtype=np.uint8)
        with suppress(BufferError):
            mapping.close()


def pmemsave(monitor: Monitor, ranges: Sequence[RamRange], path: Path, deadline: Deadline) -> None:
    """Save the memory of a guest that stands still to a new file, for :func:`mapped`.

    :param path: New, sparse file; a row is at 4096 times its number.
    :raise QemuError: When the guest runs, or QEMU cannot write the file.
    :raise HostError: When the file cannot be written.
    :raise DeadlineExpired: When it is not done in time.
    """
    status = monitor.execute("query-status", deadline=deadline)
    if not isinstance(status, dict) or status.get("running", True):
        raise QemuError("the guest runs: its memory has no state to be saved", hint="stop it")
    part = path.with_name(f"{path.name}.part")
    piece = path.with_name(f"{path.name}.piece")
    try:
        with part.open("xb") as file:
            for ram in ranges:
                _save(monitor, ram, piece, deadline)
                with piece.open("rb") as source:
                    file.seek(ram.row * PAGE_SIZE)
                    shutil.copyfileobj(source, file, 1 << 20)
        part.rename(path)
    except OSError as error:
        raise HostError(f"{path}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
        piece.unlink(missing_ok=True)


def _save(monitor: Monitor, ram: RamRange, path: Path, deadline: Deadline) -> None:
    arguments = {
        "val": ram.pfn * PAGE_SIZE,
        "size": ram.pages * PAGE_SIZE,
        "filename": os.fspath(path.absolute()),
    }
    monitor.execute("pmemsave", arguments, deadline=deadline)
    size = path.stat().st_size  # QEMU does not look whether its last write succeeded
    if size != arguments["size"]:
        raise HostError(
            f"{path} has {size} bytes of memory, not {arguments['size']}", hint="free some room"
        )


# Where q35 puts its RAM depends on its size (2 GiB or 2.75 GiB below 4 GiB, hw/i386/pc_q35.c),
# and the regions have no owner in QEMU's object tree (hw/i386/pc.c, pc_memory_init(), 7.2 to 10.0).
def _banks(monitor: Monitor, deadline: Deadline) -> Iterator[tuple[int, int]]:
    root = "/machine/unattached"
    listed = monitor.execute("qom-list", {"path": root}, deadline=deadline)
    names = {entry.get("name") for entry in listed} if isinstance(listed, list) else set()
    for name in ("ram-below-4g[0]", "ram-above-4g[0]"):
        if name in names or name.startswith("ram-below"):
            yield (
                _property(monitor, f"{root}/{name}", "addr", deadline),
                _property(monitor, f"{root}/{name}", "size", deadline),
            )


def _property(monitor: Monitor, path: str, name: str, deadline: Deadline) -> int:
    value = monitor.execute("qom-get", {"path": path, "property": name}, deadline=deadline)
    if not isinstance(value, int):
        raise QemuError(f"QEMU gives no number for {path}, {name}: {value!r}")
    return value
