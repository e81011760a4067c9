"""What the disks of a machine must have so that faults can strike."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hibtest.cycle.faults.moment import require_known
from hibtest.errors import SpecError
from hibtest.machine.shape import Disk, DiskFormat
from hibtest.spec import AtWrite, FailIo, Fault, Flip, FlipData, HangUp


def with_faults(
    disks: Sequence[Disk], faults: Iterable[Fault], *, server: bool
) -> tuple[Disk, ...]:
    """Return the disks of a machine with places at which writes fail.

    :param server: Whether there is an image server.
    :raise SpecError: When a fault can never strike: it is of a disk, or a server, that is not
        there, or its moment never comes.
    """
    found = {disk.serial: disk for disk in disks}
    for fault in faults:
        require_known(fault)
        match fault.when, fault.what:
            case AtWrite(serial=serial, byte=byte), _:
                found[serial] = _failing(chosen(found.values(), serial), byte, halts=True)
            case _, FailIo(serial=serial, at_mib=mib):
                found[serial] = _failing(chosen(found.values(), serial), mib << 20, halts=False)
            case _, HangUp() if not server:
                raise SpecError("there is no image server to hang up", hint="target=Target.SERVER")
            case _, Flip(serial=serial) | FlipData(serial=serial):
                chosen(found.values(), serial)
            case _:
                pass
    return tuple(found.values())


def chosen(disks: Iterable[Disk], serial: str) -> Disk:
    """Return the disk that a fault is of.

    :raise SpecError: When there is none, or its file is not what the guest has.
    """
    fit = {
        disk.serial: disk for disk in disks if disk.format is DiskFormat.RAW and not disk.readonly
    }
    if serial not in fit:
        hint = f"a fault can be of {', '.join(fit)}"
        raise SpecError(f"no raw disk {serial!r} to have a fault", hint=hint)
    return fit[serial]


def _failing(disk: Disk, byte: int, *, halts: bool) -> Disk:
    if disk.fails_at is not None:
        raise SpecError(f"two places of the disk {disk.serial} cannot fail", hint="drop one")
    return replace(disk, fails_at=byte, halts=halts)
