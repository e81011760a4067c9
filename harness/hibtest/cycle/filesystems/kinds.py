"""Kinds of filesystems, and what looks at each; another one is a row here and a module beside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hibtest.agent.target.holds import holds
from hibtest.cycle.filesystems import ext4
from hibtest.cycle.filesystems.tool import Told
from hibtest.cycle.storage.stack import NEW
from hibtest.deadline import Deadline
from hibtest.image.disk import open_disk

Look = Callable[[Path, Deadline], Told]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of filesystem.

    :ivar name: As mount(8) calls it.
    :ivar program: What looks at it.
    :ivar before: Looks at the raw disk that a run's was made from, and writes nothing.
    :ivar after: Looks at a copy of a disk whose machine went off with it mounted.
    """

    name: str
    program: str
    before: Look
    after: Look


_EXT4 = Kind(name="ext4", program=ext4.PROGRAM, before=ext4.told, after=ext4.told_of_copy)
# by what holds() says of a disk
KINDS: Mapping[str, Kind] = {"an ext2, ext3 or ext4 file system": _EXT4}
MADE_HERE = _EXT4  # on disks that begin with nothing
_ENDS = "file system"


def found_on(disk: Path) -> str:
    """Return in words what filesystem a raw disk holds, "" for none.

    :raise HostError: When it cannot be read.
    """
    with open_disk(disk) as device:
        what = holds(device.peek, device.size)
    return what if what.endswith(_ENDS) else ""


def is_made(disk: Path) -> bool:
    """Return whether a guest has made what a disk is for."""
    with disk.open("rb") as file:
        return file.read(len(NEW)) != NEW
