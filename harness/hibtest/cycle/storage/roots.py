"""What the root filesystem stands on."""

from hibtest.cycle.storage.part import (
    NewDisk,
    Part,
    by_serial,
    copy_of_root,
    overlay_of_root,
    zeros,
)
from hibtest.machine.shape import DiskFormat
from hibtest.spec import MappedRoot, Root

_SERIAL = "root"


def root_part(root: Root) -> Part:
    """Return the root disk: raw where its blocks are compared."""
    if isinstance(root, MappedRoot):
        disk = NewDisk(serial=_SERIAL, file="root.raw", make=copy_of_root, compared=True)
    else:
        qcow2 = DiskFormat.QCOW2
        disk = NewDisk(serial=_SERIAL, file="root.qcow2", make=overlay_of_root, format=qcow2)
    return Part(disks=(disk,), device=by_serial(_SERIAL))


def scratch_part(root: Root) -> Part:
    """Return the disk that takes what is written above a snapshot of the root."""
    if not isinstance(root, MappedRoot) or not root.scratch_mib:
        return Part()
    disk = NewDisk(serial="scratch", file="scratch.raw", make=zeros(root.scratch_mib))
    return Part(disks=(disk,), device=by_serial("scratch"))
