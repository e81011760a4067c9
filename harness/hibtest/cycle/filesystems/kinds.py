"""Kinds of filesystems, and what looks at each; another one is a row here and a module beside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hibtest.agent.target.holds import holds
from hibtest.cycle.filesystems import btrfs, ext4, xfs
from hibtest.cycle.filesystems.tool import Told
from hibtest.cycle.storage.stack import NEW
from hibtest.deadline import Deadline
from hibtest.image.disk import open_disk
from hibtest.spec import Filesystem

Look = Callable[[Path, Deadline], Told]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of filesystem.

    :ivar words: What :func:`holds` says of a disk that has one.
    :ivar program: What looks at it.
    :ivar before: Looks at the raw disk that a run's was made from, and writes nothing.
    :ivar after: Looks at a copy of a disk whose machine went off with it mounted.
    """

    words: str
    program: str
    before: Look
    after: Look


KINDS: Mapping[Filesystem, Kind] = {
    Filesystem.EXT4: Kind(
        words="an ext2, ext3 or ext4 file system",
        program=ext4.PROGRAM,
        before=ext4.told,
        after=ext4.told_of_copy,
    ),
    Filesystem.XFS: Kind(
        words="an XFS file system", program=xfs.PROGRAM, before=xfs.told, after=xfs.told
    ),
    Filesystem.BTRFS: Kind(
        words="a btrfs file system", program=btrfs.PROGRAM, before=btrfs.told, after=btrfs.told
    ),
}
_ENDS = "file system"


def found_on(disk: Path) -> Filesystem | str:
    """Return what filesystem a raw disk holds: in words one that is not looked at, "" for none.

    :raise HostError: When it cannot be read.
    """
    with open_disk(disk) as device:
        words = holds(device.peek, device.size)
    known = next((what for what, kind in KINDS.items() if kind.words == words), None)
    return known or (words if words.endswith(_ENDS) else "")


def is_made(disk: Path) -> bool:
    """Return whether a guest has made what a disk is for."""
    with disk.open("rb") as file:
        return file.read(len(NEW)) != NEW
