"""A disk for data, beside root and swaps."""

import msgspec

from hibtest.errors import SpecError
from hibtest.spec.layout import Filesystem
from hibtest.spec.stack import Stack


class DataDisk(msgspec.Struct, frozen=True, kw_only=True):
    """A filesystem on a disk of its own, mounted at /data: the writer writes there.

    :ivar filesystem: What it is formatted with.
    :ivar on: What stands on the disk, with the filesystem on top.
    :ivar size_mib: How much files may take there, in MiB.
    """

    filesystem: Filesystem = Filesystem.EXT4
    on: Stack = ()
    size_mib: int = 64

    def __post_init__(self) -> None:
        if self.size_mib < 1:
            raise SpecError(f"a data disk of {self.size_mib} MiB", hint="1 or more")
