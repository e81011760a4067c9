"""A process that holds more memory than a snapshot could have a copy of."""

from __future__ import annotations

import errno
import mmap
import os
import zlib
from pathlib import Path

from hibtest.probe import pages, procfs, syscalls
from hibtest.probe.base import RUN, Facts, Lacking
from hibtest.probe.detached import detach, stay

# Of all memory. Of what is in use the kernel wants a copy in the other half
# (kernel/power/snapshot.c, hibernate_preallocate_memory(), 6.1 to 7.3).
SHARE = 0.6
STEP = 256  # pages that are made, or read, at once
NOTE = RUN / "hoarder"


def start(*, locked: bool) -> Facts:
    """Start it; return ``{"bytes", "crc", "server", "fd"}``: its memory is a memfd."""
    require_memfd()
    NOTE.unlink(missing_ok=True)
    detach(lambda: keep(locked=locked), RUN / "hoarder.log")
    procfs.wait_for(NOTE.exists, 60)
    pid, fd = map(int, NOTE.read_text().split())
    return look({"server": {"pid": pid}, "fd": fd})


def require_memfd() -> None:
    """Check that the kernel has memfd_create(2).

    :raise Lacking: When it has not.
    """
    try:
        os.close(os.memfd_create("hoard"))
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        raise Lacking(f"memfd_create(2): {error.strerror}", "MEMFD_CREATE") from error


def look(planted: Facts) -> Facts:
    """Return the same, as it is now."""
    pid, fd = planted["server"]["pid"], planted["fd"]
    size, crc = summed(Path(f"/proc/{pid}/fd/{fd}"))
    return {"bytes": size, "crc": crc, "server": procfs.identity(pid), "fd": fd}


def summed(path: Path, at: int = 0, size: int | None = None) -> tuple[int, int]:
    """Return how much can be read from a place of a file on, and its checksum.

    :param size: Bytes to be read; ``None``: all that there are.
    """
    read = crc = 0
    with path.open("rb", buffering=0) as file:
        file.seek(at)
        while size is None or read < size:
            data = file.read(STEP * pages.SIZE)
            if not data:
                break
            read, crc = read + len(data), zlib.crc32(data, crc)
    return read, crc


def keep(*, locked: bool) -> None:
    count = int(os.sysconf("SC_PHYS_PAGES") * SHARE) // STEP * STEP
    fd = os.memfd_create("hoard")
    os.ftruncate(fd, count * pages.SIZE)
    area = mmap.mmap(fd, count * pages.SIZE)
    for page in range(0, count, STEP):
        at = page * pages.SIZE
        area[at : at + STEP * pages.SIZE] = pages.content(STEP, 42, page)
    if locked:
        syscalls.mlock(area)
    stay(NOTE, f"{os.getpid()} {fd}")
