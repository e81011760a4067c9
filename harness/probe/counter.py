"""A process that counts, for as long as it lives."""

from __future__ import annotations

import mmap
import struct
import time

from harness.probe import procfs
from harness.probe.base import Facts, Planted, Witness
from harness.probe.detached import child

TICK = 0.01


def boot() -> Planted:
    """The kernel's name of this life. Planted and found: ``{"boot_id"}``."""
    return Planted({"boot_id": procfs.boot_id()}, lambda: {"boot_id": procfs.boot_id()})


def counter() -> Planted:
    """A process that counts up in memory it shares with the daemon, a hundred times a second.

    It keeps the count for itself as well and notes when the shared one is not its own.

    Planted: ``{"pid", "starttime", "count"}``. Found: the same, ``"later"``, a count that was
    waited for (up to 2 s), and ``"astray"``, how often the two counts differed.
    """
    shared = mmap.mmap(-1, mmap.PAGESIZE)
    pid = child(lambda: count(shared))
    procfs.wait_for(lambda: counts(shared)[0] > 0, 2)

    def look() -> Facts:
        first, _ = counts(shared)
        procfs.wait_for(lambda: counts(shared)[0] != first, 2)
        later, astray = counts(shared)
        return {**procfs.identity(pid), "count": first, "later": later, "astray": astray}

    return Planted({**procfs.identity(pid), "count": counts(shared)[0]}, look)


def count(shared: mmap.mmap) -> None:
    mine = astray = 0
    while True:
        if counts(shared)[0] != mine:
            astray += 1
        mine += 1
        shared[:16] = struct.pack("<QQ", mine, astray)
        time.sleep(TICK)


def counts(shared: mmap.mmap) -> tuple[int, int]:
    first, second = struct.unpack("<QQ", shared[:16])
    return first, second


WITNESSES = (Witness("boot-id", boot), Witness("counter", counter))
