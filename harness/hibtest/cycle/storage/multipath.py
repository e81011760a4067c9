"""Two paths to one disk."""

from dataclasses import replace
from pathlib import Path

from hibtest.cycle.storage.below import Below, mapped
from hibtest.cycle.storage.part import Part, by_serial
from hibtest.spec import GuestFiles, Multipath

_REQUESTS = 100  # on one path, before the other has its turn


def multipath_part(_: Multipath, below: Below, name: str) -> Part:
    """Return a part with a target upon its disk that reaches it by two paths in turn."""
    first = below.first
    (disk,) = first.disks
    second = replace(disk, serial=f"{below.serial}_path", make=_is_there, shared=True)
    both = replace(first, disks=(replace(disk, shared=True), second))
    paths = f"{first.device} {_REQUESTS} {by_serial(second.serial)} {_REQUESTS}"
    table = f"multipath 0 0 1 1 round-robin 0 2 1 {paths}"
    found = replace(both, early=(*both.early, f"sectors {by_serial(second.serial)} >/dev/null"))
    return mapped(found, f"{name}-multipath", table, "dm-multipath", "dm-round-robin")


def _is_there(_: Path, __: GuestFiles) -> None:
    """Make nothing: the first path's disk is the same file."""
