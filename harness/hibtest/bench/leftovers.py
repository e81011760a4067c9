"""What a killed run has left: its disks go when the next one begins; what it saw stays.

A run's directory names its owner, a file in RUNS/.owners which the process that made the run holds
locked for as long as it lives, however it ends. A run without a verdict whose owner is gone was
killed.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hibtest.bench.rundir import OWNER, VERDICT
from hibtest.cycle.storage.left import disks_in, drop_disks
from hibtest.errors import HostError

_OWNERS, _PARTS = ".owners", ".parts"
_MIB = 1 << 20


@contextmanager
def owner(runs: Path, tell: Callable[[str], None]) -> Iterator[str]:
    """Sweep, and own the runs that are made until the block is left; yield the owner's name.

    :param runs: The directory of run directories.
    :param tell: Is told what was swept, in one line.
    :raise HostError: When the directory cannot be written.
    """
    name = secrets.token_hex(8)
    path = runs / _OWNERS / name
    fd = _locked(path)
    try:
        _sweep(runs, tell)
        yield name
    finally:
        _remove(parts_of(runs, name))
        path.unlink(missing_ok=True)
        os.close(fd)


def parts_of(runs: Path, owner: str) -> Path:
    """Return where an owner gathers runs that are to come whole; removed when it is gone."""
    return runs / _PARTS / owner


def _locked(path: Path) -> int:
    """Make a file that is locked from the moment on that it has its name."""
    part = path.with_name(f".{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        part.rename(path)
    except OSError as error:
        raise HostError(f"{path}: {error.strerror}", hint="use --runs DIR") from error
    return fd


def _sweep(runs: Path, tell: Callable[[str], None]) -> None:
    swept = freed = 0
    for known in (runs / _OWNERS).glob("[!.]*"):
        _lives(runs, known.name)
    for parts in (runs / _PARTS).glob("[!.]*"):
        if not _lives(runs, parts.name):
            _remove(parts)
    for note in sorted(runs.glob(f"*/*/{OWNER}")):
        directory = note.parent
        with suppress(OSError, ValueError):  # another one sweeps, too, or it is not ours to sweep
            if (directory / VERDICT).exists() or _lives(runs, note.read_text().strip()):
                continue
            disks = disks_in(directory)
            freed += sum(disk.stat().st_blocks * 512 for disk in disks)
            drop_disks(directory)
            note.unlink()
            swept += bool(disks)
    if swept:
        which = "a run that was" if swept == 1 else f"{swept} runs that were"
        tell(f"removed the disks of {which} killed, {freed // _MIB} MiB")


def _remove(parts: Path) -> None:
    """Remove what was gathered of runs that never came, and what is empty then."""
    shutil.rmtree(parts, ignore_errors=True)
    with suppress(OSError):  # another owner has some
        parts.parent.rmdir()


def _lives(runs: Path, name: str) -> bool:
    """Return whether an owner lives; the file of one that does not is removed."""
    if not name.isalnum():
        return True  # none that we wrote
    path = runs / _OWNERS / name
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
