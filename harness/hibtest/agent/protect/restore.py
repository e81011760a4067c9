"""Taking a snapshot away from above a device, whatever state it was left in.

Run by another process than the one that put it there: after a resume, after a save that failed,
or when that process was killed halfway.
"""

from __future__ import annotations

import errno
import mmap
import os
import select
import struct
from pathlib import Path
from typing import NamedTuple

from hibtest.agent.errors import AgentError
from hibtest.linux.descriptors import closing
from hibtest.linux.dm import INACTIVE_PRESENT, Control, Target
from hibtest.linux.pages import PAGE

_SECTOR = 512
_PAUSE = 0.02  # s between two looks at a merge
_PATIENCE = 60.0  # s without progress
_PROBING = 10.0  # s for which somebody else may look at a device
SUFFIXES = ("-hiborigin", "-hibscratch")


class Used(NamedTuple):
    """How much a snapshot's store holds.

    :ivar sectors: Of data; 0: nothing was written.
    :ivar word: What the kernel says instead of numbers: "Overflow", "Invalid", ...; else "".
    """

    sectors: int
    word: str


def used(status: str) -> Used:
    """Return what a status says: ``ALLOCATED/TOTAL METADATA``, or a word.

    >>> used("24/524288 16")
    Used(sectors=8, word='')
    """
    allocated, slash, rest = status.partition("/")
    if not slash:
        return Used(0, status.strip())
    return Used(int(allocated) - int(rest.split()[1]), "")


def restore(control: Control, name: str, table: list[Target]) -> str:
    """Give a device its own table again, and remove what was made for the snapshot.

    What was written through the snapshot is merged into the device first.

    :return: What was found, for the log.
    :raise AgentError: When that fails; the device then stays as it is.
    """
    info = control.info(name)
    if info is None:
        return "the device is gone"
    try:
        if info.flags & INACTIVE_PRESENT:
            control.clear(name)
        found = _take_away(control, name, table)
        for suffix in SUFFIXES:
            _remove(control, name + suffix)
    except OSError as error:
        raise AgentError(
            f"{name} cannot be given back its table: {error.strerror}",
            f"dmsetup table {name}; dmesg says why",
        ) from error
    return found


def _take_away(control: Control, name: str, table: list[Target]) -> str:
    live = control.table(name)
    if live[0].kind not in {"snapshot", "snapshot-merge"}:
        control.resume(name)  # in case it was left suspended
        return "no snapshot"
    found = "nothing was written"
    if live[0].kind == "snapshot":
        store = used(control.status(name)[0].params)
        if store.word not in {"", "Overflow"}:
            raise AgentError(
                f"the snapshot above {name} is lost ({store.word}): what was written after it "
                "was put there cannot be kept",
                f"reboot; {name} is then as it was",
            )
        if store.sectors or store.word:
            merge = live[0]._replace(kind="snapshot-merge")
            control.swap(name, [merge])
            _merged(control, name, merge)
            found = f"merged {store.word or store.sectors}"
    else:
        _merged(control, name, live[0])
        found = "merged"
    control.swap(name, table)
    return found


def _merged(control: Control, name: str, merge: Target) -> None:
    """Wait until all exceptions are merged.

    :raise AgentError: When the merge fails or stands still.
    """
    _, store, _, chunk = merge.params.split()[:4]
    before, still = -1, 0.0
    while True:
        status = control.status(name)[0].params
        now, word = used(status)
        if word == "Overflow":  # then the kernel tells no numbers
            now = _first_exception(store, int(chunk))
        elif word:
            raise AgentError(f"the merge of {name} has failed: {status}", "dmesg says why")
        if not now:
            return
        # an overflow shows no progress, only the end
        still = still + _PAUSE if now == before and not word else 0.0
        if still > _PATIENCE:
            raise AgentError(f"the merge of {name} stands still at {status}", "dmesg says why")
        before = now
        _pause()


def _first_exception(store: str, chunk: int) -> int:
    """Return where the store keeps the first exception, 0 when it is merged: it is the last.

    struct disk_exception (old_chunk, new_chunk), drivers/md/dm-snap-persistent.c, 6.1 to 7.3:
    the first chunk is the header, the second holds exceptions.
    """
    [name] = [
        line.partition("=")[2]
        for line in Path(f"/sys/dev/block/{store}/uevent").read_text().splitlines()
        if line.startswith("DEVNAME=")
    ]
    flags = os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC
    with closing(os.open(f"/dev/{name}", flags)) as fd, mmap.mmap(-1, PAGE) as page:
        os.preadv(fd, [page], chunk * _SECTOR)
        return int(struct.unpack_from("<QQ", page)[1])


def _remove(control: Control, name: str) -> None:
    """Remove a device; udev may have it open for a moment."""
    waited = 0.0
    while True:
        try:
            control.remove(name)
        except OSError as error:
            if error.errno != errno.EBUSY or waited > _PROBING:
                raise
        else:
            return
        _pause()
        waited += _PAUSE


def _pause() -> None:
    select.select([], [], [], _PAUSE)
