"""A filesystem on a disk of its own, or on what stands on one: a row for each kind.

It is made before the first boot, or by early userspace where something stands between. Its label
says that it is fresh until the guest has put on it what is to be there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hibtest.cycle.storage.part import Part, uuid_of
from hibtest.cycle.storage.stack import made_by, on_disk
from hibtest.spec import Filesystem, Stack

_FRESH = "hibtest-new"  # boot.sh.j2 reads it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How a filesystem is made and used.

    :ivar make: Makes it on the device named behind it, once ``{uuid}`` is filled in.
    :ivar label: Gives one that is mounted another label: ``{device}`` and ``{mount}`` are filled
        in.
    :ivar least_mib: The smallest that can be made.
    :ivar room_mib: What there is to be beside its files.
    """

    make: str
    label: str
    least_mib: int
    room_mib: int


# The smallest: mkfs.xfs of xfsprogs 5.19 and later takes 300 MiB at least, mkfs.btrfs of
# btrfs-progs 6.2 and later 109 MiB. XFS has a log of 64 MiB, and keeps 32 MiB for itself
# (xfs_default_resblks(), fs/xfs/xfs_mount.c, 6.1 to 7.3).
# Their features are those that xfsprogs 6.1 can check.
_LAYER_MIB = 32  # what one layer below keeps for itself, at most: the header of LUKS2 is 16 MiB
_KINDS: Mapping[Filesystem, _Kind] = {
    Filesystem.EXT4: _Kind(
        make="mke2fs -q -F -t ext4 -U {uuid} -E hash_seed={uuid}",
        label="/usr/sbin/e2label {device} hibtest",
        least_mib=1,
        room_mib=64,
    ),
    Filesystem.XFS: _Kind(
        make="mkfs.xfs -q -f -m uuid={uuid} -i nrext64=0",
        label="/usr/sbin/xfs_io -c 'label -s hibtest' {mount}",
        least_mib=300,
        room_mib=160,
    ),
    Filesystem.BTRFS: _Kind(
        make="mkfs.btrfs -q -f -U {uuid}",
        label="/usr/bin/btrfs filesystem label {mount} hibtest",
        least_mib=128,
        room_mib=256,
    ),
}


def filesystem_part(
    kind: Filesystem, serial: str, holds_mib: int, stack: Stack, fill: tuple[str, ...]
) -> Part:
    """Return a disk with a filesystem, mounted at ``/SERIAL`` by the guest's init.

    :param holds_mib: How much its files take.
    :param stack: What stands between the disk and the filesystem.
    :param fill: What the guest puts there once, each a program by its path.
    """
    row = _KINDS[kind]
    size = max(holds_mib + row.room_mib, row.least_mib) + _LAYER_MIB * len(stack)
    make = f"{row.make.format(uuid=uuid_of(f'{serial} {kind}'))} -L {_FRESH}"
    part = on_disk(serial, size, stack, made_by(make, size), make)
    mount = f"/{serial}"
    label = row.label.format(device=part.device, mount=mount)
    late = (
        f"mount_disk {part.device} {mount} {kind}",
        *(f"if_fresh {step}" for step in (*fill, label)),
    )
    return replace(part, late=late, filesystem=kind)
