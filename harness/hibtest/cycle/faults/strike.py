"""What is done when a fault strikes."""

from collections.abc import Sequence

from hibtest.cycle.faults.disks import chosen
from hibtest.cycle.faults.literal import literal
from hibtest.errors import SpecError
from hibtest.image.damage import Damaged
from hibtest.imageserver import ImageServer
from hibtest.machine.process import Machine
from hibtest.machine.shape import Disk
from hibtest.spec import CutPower, FailIo, Flip, FlipData, HangUp
from hibtest.spec.fault import What


def strike(what: What, machine: Machine, disks: Sequence[Disk], server: ImageServer | None) -> bool:
    """Do what is to go wrong; return whether there was anything that it could be done to.

    :raise SpecError: When a disk is too small.
    """
    match what:
        case CutPower():
            return machine.quit().returncode is None  # else it had ended by itself
        case HangUp():
            if server is not None:
                server.hang_up()
            return server is not None
        case FailIo():
            return True  # by QEMU, which has told so
        case Flip():
            flip(chosen(disks, what.serial), what)
            return True
        case FlipData():
            return _flip_data(chosen(disks, what.serial))


def flip(disk: Disk, what: Flip) -> None:
    """Flip a bit of a disk."""
    with disk.path.open("r+b") as file:
        file.seek(what.byte)
        byte = file.read(1)
        if not byte:
            raise SpecError(f"the disk {disk.serial} has no byte {what.byte}", hint="flip another")
        file.seek(what.byte)
        file.write(bytes([byte[0] ^ 1 << what.bit]))


def _flip_data(disk: Disk) -> bool:
    """Flip a bit of a page of an image; return whether there is an image that has such a bit."""
    try:
        byte = literal(disk.path)
    except (SpecError, Damaged):
        return False
    if byte is not None:
        flip(disk, Flip(serial=disk.serial, byte=byte))
    return byte is not None
