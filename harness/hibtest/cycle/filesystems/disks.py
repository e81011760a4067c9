"""The filesystems of a run, looked at when its last machine is off."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from hibtest.cycle.filesystems.flat import copied
from hibtest.cycle.filesystems.kinds import KINDS, MADE_HERE, Kind, found_on, is_made
from hibtest.cycle.filesystems.tool import Told
from hibtest.cycle.storage import Stored
from hibtest.deadline import Deadline
from hibtest.errors import HibtestError
from hibtest.evidence import FilesystemCheck
from hibtest.files import as_host_error, whole
from hibtest.image.damage import Damaged
from hibtest.machine.shape import DiskFormat
from hibtest.printable import printable_lines
from hibtest.programs import require

_LIMIT = 120.0  # s for one disk; a root of 600 MB takes 0.3
_KEPT = 20  # problems that are told one by one
_LONGEST = 300  # characters of one


def require_programs(disks: Sequence[Stored]) -> None:
    """Check that there will be something to look with.

    :raise HostError: When a program is missing.
    """
    if any(disk.meant for disk in disks):
        require(*{kind.program for kind in KINDS.values()})


def look(disks: Sequence[Stored], directory: Path) -> tuple[FilesystemCheck, ...]:
    """Look at each filesystem of a run; what has no filesystem, and needs none, is left out.

    What was printed about one that has problems is kept in the directory.

    :param directory: The run's; there is room for a copy of a disk.
    """
    return tuple(check for disk in disks for check in _checks(disk, directory))


def _checks(stored: Stored, directory: Path) -> Iterator[FilesystemCheck]:
    began = time.monotonic()
    try:
        check = _check(stored, directory)
    except (HibtestError, Damaged) as error:
        hint = error.hint if isinstance(error, HibtestError) else ""
        lacking = f"{error} ({hint})" if hint else str(error)
        check = FilesystemCheck(disk=stored.disk.serial, lacking=lacking)
    except OSError as error:
        check = FilesystemCheck(disk=stored.disk.serial, lacking=str(as_host_error(error)))
    if check.kind or check.lacking or stored.meant:
        yield replace(check, seconds=round(time.monotonic() - began, 3))


def _check(stored: Stored, directory: Path) -> FilesystemCheck:
    serial = stored.disk.serial
    what = _what(stored)
    if not what:
        return FilesystemCheck(disk=serial)
    kind = KINDS.get(what)
    if kind is None:
        return FilesystemCheck(disk=serial, kind=what, lacking="hibtest has no check for it")
    deadline = Deadline.after(_LIMIT, f"the look at the filesystem of disk {serial}")
    with copied(stored, directory) as copy:
        now = kind.after(copy, deadline)
    before = _before(kind, stored, deadline) if now.problems else None
    if now.problems or now.lacking:
        _keep(directory / f"filesystem-{serial}.txt", now, before)
    return _compared(serial, kind, now, before)


def _what(stored: Stored) -> str:
    """Return what filesystem a disk should have, or, with nothing that it should, has."""
    if stored.before is not None:
        return found_on(stored.before)
    if stored.meant:
        made = next(what for what, kind in KINDS.items() if kind is MADE_HERE)
        return made if is_made(stored.disk.path) else ""
    return found_on(stored.disk.path) if stored.disk.format is DiskFormat.RAW else ""


def _before(kind: Kind, stored: Stored, deadline: Deadline) -> Told | None:
    return None if stored.before is None else kind.before(stored.before, deadline)


def _compared(serial: str, kind: Kind, now: Told, before: Told | None) -> FilesystemCheck:
    """Return the problems that were not there before."""
    old = before.problems if before else ()
    left = Counter(old)
    new = []
    for problem in now.problems:
        if left[problem]:
            left[problem] -= 1
        else:
            new.append(problem)
    return FilesystemCheck(
        disk=serial,
        kind=kind.name,
        count=len(new),
        more=now.more,
        problems=tuple(problem[:_LONGEST] for problem in new[:_KEPT]),
        before=len(old),
        lacking=now.lacking,
    )


def _keep(path: Path, now: Told, before: Told | None) -> None:
    parts = [*map(str, now.ran)]
    if before is not None and before.problems:
        parts += ["Before the run:\n", *map(str, before.ran)]
    whole(path, printable_lines("\n".join(parts)).encode())
