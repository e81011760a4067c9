"""A process that counts, for as long as it lives."""

from __future__ import annotations

import mmap
import struct
import time

from hibtest.probe import procfs
from hibtest.probe.base import Facts, Planted, Witness, as_found
from hibtest.probe.detached import child

TICK = 0.01
# count, astray, back, ahead: see counter()
STATE = struct.Struct("<QQdd")


@as_found
def boot() -> Facts:
    """The kernel's name of this life. Planted and found: ``{"boot_id"}``."""
    return {"boot_id": procfs.boot_id()}


def counter() -> Planted:
    """A process that counts up in memory it shares with the daemon, a hundred times a second.

    It keeps the count for itself as well and notes when the shared one is not its own.

    Planted: ``{"pid", "starttime", "count"}``. Found: the same, ``"later"``, a count that was
    waited for (up to 2 s), ``"astray"``, how often the two counts differed, and of
    CLOCK_MONOTONIC, read at every tick, ``"back"`` and ``"ahead"``: by how many seconds it went
    back, and leapt ahead, at the most.
    """
    shared = mmap.mmap(-1, mmap.PAGESIZE)
    pid = child(lambda: count(shared))
    procfs.wait_for(lambda: read(shared)[0] > 0, 2)

    def look() -> Facts:
        first = read(shared)[0]
        procfs.wait_for(lambda: read(shared)[0] != first, 2)
        later, astray, back, ahead = read(shared)
        seen = {"later": later, "astray": astray, "back": back, "ahead": ahead}
        return {**procfs.identity(pid), "count": first, **seen}

    return Planted({**procfs.identity(pid), "count": read(shared)[0]}, look)


def count(shared: mmap.mmap) -> None:
    mine = astray = 0
    back = ahead = 0.0
    last = time.monotonic()
    while True:
        if read(shared)[0] != mine:
            astray += 1
        now = time.monotonic()
        back, ahead, last = max(back, last - now), max(ahead, now - last), now
        mine += 1
        shared[: STATE.size] = STATE.pack(mine, astray, back, ahead)
        time.sleep(TICK)


def read(shared: mmap.mmap) -> tuple[int, int, float, float]:
    count, astray, back, ahead = STATE.unpack(shared[: STATE.size])
    return count, astray, back, ahead


WITNESSES = (Witness("boot-id", boot), Witness("counter", counter))
