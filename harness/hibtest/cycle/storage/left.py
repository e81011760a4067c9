"""What lies of a run's storage in its directory: disks, what a server stored, its keys."""

import shutil
from pathlib import Path

from hibtest.cycle.storage.targets import KEYS

COPIES = ".boot-"  # how directories of copies begin
_ENDINGS = (".raw", ".qcow2", ".hib", ".hib.lock")  # of all that may hold a guest's data


def disks_in(directory: Path) -> list[Path]:
    """Return the disks of a run that are there, and what an image server stored of it."""
    return sorted(path for path in directory.iterdir() if path.name.endswith(_ENDINGS))


def drop_disks(directory: Path) -> None:
    """Remove the disks of a run, copies of them, and the keys of its image server."""
    for disk in disks_in(directory):
        disk.unlink(missing_ok=True)
    for left in (directory / KEYS, *directory.glob(f"{COPIES}*")):
        shutil.rmtree(left, ignore_errors=True)
