"""Where swap lives: one small frozen class for each way; a layout is a tuple of them.

The kernel resumes from the first one. These are msgspec structs, not dataclasses: in JSON a member
of a union needs its tag.
"""

from enum import StrEnum

import msgspec

from hibtest.spec.stack import Stack


class Filesystem(StrEnum):
    """What a disk can be formatted with, as mount(8) calls it."""

    EXT4 = "ext4"
    XFS = "xfs"
    BTRFS = "btrfs"


class SwapDisk(msgspec.Struct, frozen=True, kw_only=True, tag="disk"):
    """A whole disk formatted as swap, or what stands on it.

    :ivar size_mib: The disk's size in MiB.
    :ivar on: What stands on the disk, with the swap on top.
    :ivar priority: As swapon(8) takes it; ``None``: the kernel chooses.
    """

    size_mib: int = 1024
    on: Stack = ()
    priority: int | None = None


class SwapFile(msgspec.Struct, frozen=True, kw_only=True, tag="file"):
    """A file on a filesystem that has a disk for itself; the guest makes it in its first boot.

    :ivar size_mib: Its size in MiB.
    :ivar filesystem: What it lies on.
    :ivar on: What stands on the disk, with the filesystem on top.
    :ivar priority: As swapon(8) takes it; ``None``: the kernel chooses.
    """

    size_mib: int = 1024
    filesystem: Filesystem = Filesystem.EXT4
    on: Stack = ()
    priority: int | None = None


Swap = SwapDisk | SwapFile
Layout = tuple[Swap, ...]
