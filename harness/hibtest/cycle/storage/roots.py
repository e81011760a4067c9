"""What the root filesystem stands on."""

from pathlib import Path

from hibtest.cycle.storage.part import NewDisk, Part, by_serial, zeros
from hibtest.cycle.storage.stack import stacked
from hibtest.errors import SpecError
from hibtest.machine.disk import copy, overlay
from hibtest.machine.shape import DiskFormat
from hibtest.spec import Filesystem, GuestFiles, GuestSpec

_SERIAL = "root"
_BUILT = Filesystem.EXT4  # by hibtest.images
_SPARE_MIB = 8


def root_part(guest: GuestSpec) -> Part:
    """Return the root disk: raw where its blocks are compared.

    :raise SpecError: When the root filesystem, as it was built, cannot be put upon its stack.
    """
    device = by_serial(_SERIAL)
    if not guest.root:
        qcow2 = DiskFormat.QCOW2
        disk = NewDisk(serial=_SERIAL, file="root.qcow2", make=_overlay, format=qcow2)
        return Part(disks=(disk,), device=device, filesystem=_BUILT)
    disk = NewDisk(serial=_SERIAL, file="root.raw", make=_copy, compared=True)
    part = stacked(Part(disks=(disk,), device=device, filesystem=_BUILT), guest.root, _SERIAL)
    if part.views:
        raise SpecError(
            "a root disk is put on its stack as it was built: nothing may lie elsewhere in it",
            hint="let guest.root have linear targets alone",
        )
    return part


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


def _overlay(path: Path, files: GuestFiles) -> None:
    overlay(files.root, path)


def _copy(path: Path, files: GuestFiles) -> None:
    copy(files.root, path)
