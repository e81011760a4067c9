"""What stands between a disk and what is on it, device upon device.

What only the guest can make is made there, once, when a disk begins with :data:`NEW`: a damaged
disk is never taken for one that is to be made.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hibtest.cycle.storage.below import Below
from hibtest.cycle.storage.crypt import crypt_part
from hibtest.cycle.storage.delay import delay_part
from hibtest.cycle.storage.flakey import flakey_part
from hibtest.cycle.storage.integrity import integrity_part
from hibtest.cycle.storage.linear import linear_part
from hibtest.cycle.storage.multipath import multipath_part
from hibtest.cycle.storage.part import Make, NewDisk, Part, by_serial
from hibtest.cycle.storage.raid1 import raid1_part
from hibtest.cycle.storage.snapshot import origin_part, snapshot_part
from hibtest.cycle.storage.striped import striped_part
from hibtest.cycle.storage.thin import thin_part
from hibtest.cycle.storage.volume import volume_part
from hibtest.machine.disk import sparse
from hibtest.programs import run
from hibtest.spec import (
    Crypt,
    Delay,
    Flakey,
    GuestFiles,
    Integrity,
    Layer,
    Linear,
    Multipath,
    Origin,
    Raid1,
    Snapshot,
    Stack,
    Striped,
    Thin,
    Volume,
)

NEW = b"hibtest: new\n"  # is_new() in images/templates/early-init.sh.j2


Means = Callable[[Any, Below, str], Part]
_MEANS: Mapping[type[Layer], Means] = {
    Linear: linear_part,
    Crypt: crypt_part,
    Volume: volume_part,
    Striped: striped_part,
    Raid1: raid1_part,
    Thin: thin_part,
    Snapshot: snapshot_part,
    Origin: origin_part,
    Integrity: integrity_part,
    Delay: delay_part,
    Flakey: flakey_part,
    Multipath: multipath_part,
}


def stacked(bottom: Callable[[str], Part], stack: Stack, serial: str) -> Part:
    """Return a stack on a disk.

    :param bottom: Returns what is below the stack, on a disk of a serial number.
    :param serial: The first disk's; names of devices begin with it.
    """
    if not stack:
        return bottom(serial)
    *lower, layer = stack
    alike = [type(one) for one in lower].count(type(layer))
    name = f"{serial}_{alike + 1}" if alike else serial
    below = Below(make=partial(stacked, bottom, tuple(lower)), serial=serial, level=len(lower))
    return _MEANS[type(layer)](layer, below, name)


def on_disk(serial: str, size_mib: int, stack: Stack, make: Make, tool: str) -> Part:
    """Return a disk with a stack on it, and something on top.

    :param make: Makes the disk where nothing is between.
    :param tool: The command that else puts the same on the device named behind it.
    """
    if not stack:
        file, device = f"{serial}.raw", by_serial(serial)
        disk = NewDisk(serial=serial, file=file, make=make)
        return Part(disks=(disk,), device=device, file=file)
    return filled(partial(new_disk, make=new(size_mib)), stack, serial, tool)


def filled(bottom: Callable[[str], Part], stack: Stack, serial: str, tool: str) -> Part:
    """Return a stack on new disks, and something on top.

    :param bottom: Returns a new disk of a serial number.
    :param tool: The command that puts it on the device named behind it.
    """
    top = stacked(bottom, stack, serial)
    return replace(top, early=(*top.early, f"if_new {tool} {top.device}"))


def new_disk(serial: str, make: Make) -> Part:
    """Return a disk that is to be made by the guest."""
    file, device = f"{serial}.raw", by_serial(serial)
    disk = NewDisk(serial=serial, file=file, make=make)
    return Part(disks=(disk,), early=(f"is_new {device}",), device=device, file=file)


def made_by(command: str, size_mib: int) -> Make:
    """Return what has a command of the host make a disk: its path is put behind it."""

    def make(path: Path, _: GuestFiles) -> None:
        run([*command.split(), str(sparse(path, size_mib))])

    return make


def new(size_mib: int) -> Make:
    """Return what makes a disk that the guest is to make something of."""

    def make(path: Path, _: GuestFiles) -> None:
        with sparse(path, size_mib).open("r+b") as disk:
            disk.write(NEW)

    return make
