"""What stands between a disk and what is on it, device upon device.

What only the guest can make is made there, once, when a disk begins with :data:`NEW`: a damaged
disk is never taken for one that is to be made.
"""

from dataclasses import replace
from pathlib import Path

from hibtest.cycle.storage.crypt import crypt_part
from hibtest.cycle.storage.linear import linear_part
from hibtest.cycle.storage.part import Make, NewDisk, Part, by_serial
from hibtest.cycle.storage.volume import volume_part
from hibtest.machine.disk import sparse
from hibtest.programs import run
from hibtest.spec import Crypt, GuestFiles, Layer, Linear, Stack, Volume

NEW = b"hibtest: new\n"  # is_new() in images/templates/early-init.sh.j2


def stacked(below: Part, stack: Stack, name: str) -> Part:
    """Return a part with a stack upon it.

    :param name: Distinguishes its devices from those of other stacks.
    """
    kinds = [type(layer) for layer in stack]
    for at, layer in enumerate(stack):
        before = kinds[:at].count(type(layer))
        below = _layer(layer, below, f"{name}_{before + 1}" if before else name)
    return below


def _layer(layer: Layer, below: Part, name: str) -> Part:
    match layer:
        case Linear():
            return linear_part(below, name)
        case Crypt():
            return crypt_part(layer, below, name)
        case Volume():
            return volume_part(below, name)


def on_disk(serial: str, size_mib: int, stack: Stack, make: Make, tool: str) -> Part:
    """Return a disk with a stack on it, and something on top.

    :param make: Makes the disk where nothing is between.
    :param tool: The command that else puts the same on the device named behind it.
    """
    file, device = f"{serial}.raw", by_serial(serial)
    if not stack:
        disk = NewDisk(serial=serial, file=file, make=make)
        return Part(disks=(disk,), device=device, file=file)
    disk = NewDisk(serial=serial, file=file, make=_new(size_mib))
    bottom = Part(disks=(disk,), early=(f"is_new {device}",), device=device, file=file)
    top = stacked(bottom, stack, serial)
    return replace(top, early=(*top.early, f"if_new {tool} {top.device}"))


def made_by(command: str, size_mib: int) -> Make:
    """Return what has a command of the host make a disk: its path is put behind it."""

    def make(path: Path, _: GuestFiles) -> None:
        run([*command.split(), str(sparse(path, size_mib))])

    return make


def _new(size_mib: int) -> Make:
    def make(path: Path, _: GuestFiles) -> None:
        with sparse(path, size_mib).open("r+b") as disk:
            disk.write(NEW)

    return make
