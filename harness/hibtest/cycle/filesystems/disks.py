"""The filesystems of a run, looked at when its last machine is off."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hibtest.cycle.filesystems.flat import copied
from hibtest.cycle.filesystems.kinds import KINDS, Kind, found_on, is_made
from hibtest.cycle.filesystems.replay import Replay, Replayed
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
from hibtest.spec import Filesystem

_LIMIT = 120.0  # s for one disk; a root of 600 MB takes 0.3
_KEPT = 20  # problems that are told one by one
_LONGEST = 300  # characters of one


def require_programs(disks: Sequence[Stored]) -> None:
    """Check that there will be something to look with.

    :raise HostError: When a program is missing.
    """
    meant = {disk.meant for disk in disks if disk.meant}
    if meant:
        require(*{KINDS[what].program for what in meant})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """A look at a disk.

    :ivar logged: Whether its log is to be replayed first.
    """

    stored: Stored
    check: FilesystemCheck
    logged: bool = False


def look(disks: Sequence[Stored], directory: Path, replay: Replay) -> tuple[FilesystemCheck, ...]:
    """Look at each filesystem of a run; what has no filesystem, and needs none, is left out.

    What was printed about one that has problems is kept in the directory.

    :param directory: The run's; there is room for a copy of a disk.
    :param replay: Replays, on copies of all, the logs that only a kernel can; called once, and only
        when there is such a log.
    """
    looks = [_looked(disk, directory) for disk in disks]
    if any(one.logged for one in looks):
        looks = _once_more(looks, directory, replay)
    shown = (one for one in looks if one.check.kind or one.check.lacking or one.stored.meant)
    return tuple(one.check for one in shown)


def _once_more(looks: Sequence[_Look], directory: Path, replay: Replay) -> list[_Look]:
    """Look at those whose logs had to be replayed first."""
    began = time.monotonic()
    try:
        with replay() as replayed:
            looks = [_replayed(one, directory, replayed) if one.logged else one for one in looks]
    except (HibtestError, OSError) as error:
        looks = [_lacks(one, _why(error)) if one.logged else one for one in looks]
    seconds = time.monotonic() - began
    return [_after(one, seconds) if one.logged else one for one in looks]


def _after(one: _Look, seconds: float) -> _Look:
    return replace(one, check=replace(one.check, seconds=round(seconds, 3)))


def _lacks(one: _Look, why: str) -> _Look:
    return replace(one, check=replace(one.check, lacking=why))


def _replayed(one: _Look, directory: Path, replayed: Replayed) -> _Look:
    if replayed.lacking:
        return _lacks(one, replayed.lacking)
    if replayed.damage:
        check = replace(one.check, count=1, problems=(replayed.damage[:_LONGEST],))
        return replace(one, check=check)
    disk = one.stored.disk
    moved = replace(disk, path=replayed.directory / disk.path.name)
    found = _looked(replace(one.stored, disk=moved), directory)
    if found.logged:
        return _lacks(one, "its log is not empty once the guest's kernel has unmounted it")
    return replace(one, check=found.check)


def _looked(stored: Stored, directory: Path) -> _Look:
    began = time.monotonic()
    logged = False
    try:
        check, logged = _check(stored, directory)
    except (HibtestError, Damaged, OSError) as error:
        check = FilesystemCheck(disk=stored.disk.serial, lacking=_why(error))
    check = replace(check, seconds=round(time.monotonic() - began, 3))
    return _Look(stored=stored, check=check, logged=logged)


def _why(error: Exception) -> str:
    known = as_host_error(error) if isinstance(error, OSError) else error
    hint = known.hint if isinstance(known, HibtestError) else ""
    return f"{known} ({hint})" if hint else str(known)


def _check(stored: Stored, directory: Path) -> tuple[FilesystemCheck, bool]:
    """Return what is found, and whether a log is to be replayed first."""
    serial = stored.disk.serial
    what = _what(stored)
    if not what:
        return FilesystemCheck(disk=serial), False
    if not isinstance(what, Filesystem):
        return FilesystemCheck(disk=serial, kind=what, lacking="hibtest has no check for it"), False
    kind = KINDS[what]
    deadline = Deadline.after(_LIMIT, f"the look at the filesystem of disk {serial}")
    with copied(stored, directory) as copy:
        now = kind.after(copy, deadline)
    if now.logged:
        return FilesystemCheck(disk=serial, kind=what), True
    before = _before(kind, stored, deadline) if now.problems else None
    if now.problems or now.lacking:
        _keep(directory / f"filesystem-{serial}.txt", now, before)
    return _compared(serial, what, now, before), False


def _what(stored: Stored) -> Filesystem | str:
    """Return what filesystem a disk should have, or, with nothing that it should, has."""
    if stored.before is not None:
        return found_on(stored.before)
    if stored.meant:
        return stored.meant if is_made(stored.disk.path) else ""
    return found_on(stored.disk.path) if stored.disk.format is DiskFormat.RAW else ""


def _before(kind: Kind, stored: Stored, deadline: Deadline) -> Told | None:
    return None if stored.before is None else kind.before(stored.before, deadline)


def _compared(serial: str, what: Filesystem, now: Told, before: Told | None) -> FilesystemCheck:
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
        kind=what,
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
