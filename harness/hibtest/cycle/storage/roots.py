"""What the root filesystem stands on."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from hibtest.cycle.storage.part import NewDisk, Part, by_serial, zeros
from hibtest.cycle.storage.stack import filled, new, new_disk, stacked
from hibtest.machine.disk import copy, overlay
from hibtest.machine.shape import DiskFormat
from hibtest.spec import Filesystem, GuestFiles, GuestSpec

_SERIAL, _BUILT = "root", "built"
_MIB = 1 << 20
_ROOM_MIB = 64  # for what layers keep on each disk beside the filesystem
_SHARE = 32  # a part of the disk that they keep, too: checksums of each block
_SPARE_MIB = 8


def root_part(guest: GuestSpec) -> Part:
    """Return the root disk.

    With layers that lay nothing elsewhere it is a raw copy of the one that was built, so that its
    blocks can be compared; with others, the guest copies that one to its stack in its first boot.
    """
    if not guest.root:
        return Part(
            disks=(_overlay_as(_SERIAL),), device=by_serial(_SERIAL), filesystem=Filesystem.EXT4
        )
    part = stacked(_copied, guest.root, _SERIAL)
    if part.views:
        tool = f"e2image -ra {by_serial(_BUILT)}"
        part = filled(partial(new_disk, make=_roomy), guest.root, _SERIAL, tool)
        built = replace(_overlay_as(_BUILT), readonly=True)
        part = replace(part, disks=(*part.disks, built))
    return replace(part, filesystem=Filesystem.EXT4)


def scratch_part(size_mib: int) -> Part:
    """Return the disk that takes what is written above a snapshot of the root."""
    if not size_mib:
        return Part()
    disk = NewDisk(serial="scratch", file="scratch.raw", make=zeros(size_mib))
    return Part(disks=(disk,), device=by_serial("scratch"))


def spare_disks(many: int) -> tuple[NewDisk, ...]:
    """Return small disks that are of no use."""
    return tuple(
        NewDisk(serial=f"spare{number}", file=f"spare{number}.raw", make=zeros(_SPARE_MIB))
        for number in range(1, many + 1)
    )


def _copied(serial: str) -> Part:
    file = f"{serial}.raw"
    disk = NewDisk(serial=serial, file=file, make=_copy, compared=True)
    return Part(disks=(disk,), device=by_serial(serial), file=file)


def _overlay_as(serial: str) -> NewDisk:
    qcow2 = DiskFormat.QCOW2
    return NewDisk(serial=serial, file=f"{serial}.qcow2", make=_overlay, format=qcow2)


def _overlay(path: Path, files: GuestFiles) -> None:
    overlay(files.root, path)


def _copy(path: Path, files: GuestFiles) -> None:
    copy(files.root, path)


def _roomy(path: Path, files: GuestFiles) -> None:
    mib = -(-files.root.stat().st_size // _MIB)
    new(mib + mib // _SHARE + _ROOM_MIB)(path, files)
