"""Where swap lives: one small frozen class for each way; a layout is a tuple of them.

The kernel resumes from the first one. These are msgspec structs, not dataclasses: in JSON a member
of a union needs its tag.
"""

from enum import StrEnum

import msgspec

from hibtest.errors import SpecError
from hibtest.spec.stack import Stack

_MOST_PRIORITY = 32767  # SWAP_FLAG_PRIO_MASK, include/linux/swap.h (6.1 to 7.3)
_LEAST_PIECE_KIB = 64
_MOST_SWAPS = 16  # disks on QEMU's bus, root and toolbox beside them


class Filesystem(StrEnum):
    """What a disk can be formatted with, as mount(8) calls it."""

    EXT4 = "ext4"
    XFS = "xfs"
    BTRFS = "btrfs"


class Table(StrEnum):
    """What says where a disk's partitions lie."""

    GPT = "gpt"
    MBR = "mbr"


class _Swap(msgspec.Struct, frozen=True, kw_only=True):
    size_mib: int = 1024
    on: Stack = ()
    priority: int | None = None

    def __post_init__(self) -> None:
        if self.size_mib < 1:
            raise SpecError(
                f"a swap of {self.size_mib} MiB has no room for its header", hint="1 MiB or more"
            )
        if self.priority is not None and not 0 <= self.priority <= _MOST_PRIORITY:
            raise SpecError(f"swap priority {self.priority}", hint=f"0 to {_MOST_PRIORITY}")


class SwapDisk(_Swap, frozen=True, kw_only=True, tag="disk"):
    """A whole disk formatted as swap, or what stands on it.

    :ivar size_mib: The disk's size in MiB.
    :ivar on: What stands on the disk, with the swap on top.
    :ivar priority: As swapon(8) takes it; ``None``: the kernel chooses.
    """


class SwapPartition(_Swap, frozen=True, kw_only=True, tag="partition"):
    """The second partition of a disk, behind one of 1 MiB with nothing in it.

    :ivar size_mib: Its size in MiB.
    :ivar table: What says where it lies.
    :ivar on: Nothing can stand between a partition and its swap here.
    :ivar priority: As swapon(8) takes it; ``None``: the kernel chooses.
    """

    table: Table = Table.GPT

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.on:
            raise SpecError("a stack on a partition", hint="SwapDisk(on=) has one")


class SwapFile(_Swap, frozen=True, kw_only=True, tag="file"):
    """A file on a filesystem that has a disk for itself; the guest makes it in its first boot.

    :ivar size_mib: Its size in MiB.
    :ivar filesystem: What it lies on.
    :ivar pieces: In how many pieces it lies there, at least; with 1, as few as the filesystem
        makes of it.
    :ivar on: What stands on the disk, with the filesystem on top.
    :ivar priority: As swapon(8) takes it; ``None``: the kernel chooses.
    """

    filesystem: Filesystem = Filesystem.EXT4
    pieces: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        most = self.size_mib * 1024 // _LEAST_PIECE_KIB
        if not 1 <= self.pieces <= most:
            raise SpecError(
                f"a swap file of {self.size_mib} MiB in {self.pieces} pieces", hint=f"1 to {most}"
            )


class SwapZram(_Swap, frozen=True, kw_only=True, tag="zram"):
    """Compressed memory that is swapped to; an image in it is lost with the power.

    :ivar size_mib: How much it may hold, in MiB.
    :ivar on: Nothing can be below it.
    :ivar priority: As swapon(8) takes it; ``None``: the kernel chooses.
    """

    size_mib: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.on:
            raise SpecError("a stack below zram, which has no disk", hint="SwapDisk(on=) has one")


Swap = SwapDisk | SwapPartition | SwapFile | SwapZram
Layout = tuple[Swap, ...]


def require_layout(layout: Layout) -> None:
    """Check that swaps can be beside each other.

    :raise SpecError: When they cannot.
    """
    if len(layout) > _MOST_SWAPS:
        raise SpecError(f"{len(layout)} swaps", hint=f"at most {_MOST_SWAPS}")
    zrams = sum(isinstance(swap, SwapZram) for swap in layout)
    if zrams > 1:
        raise SpecError(f"{zrams} swaps in zram, which is one device here", hint="make it larger")
