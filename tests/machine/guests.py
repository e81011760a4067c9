"""Guests of one disk sector, for tests of what carries a guest.

The firmware loads a disk's first sector to 0x7c00 and jumps there, in real mode. Each guest is
written as machine code with its assembly beside it.
"""

from pathlib import Path

from harness.machine.disk import sparse
from harness.machine.shape import Accel, Disk, MachineSpec
from harness.spec import GuestSpec

_SECTOR = 512
_STOP = "f4 eb fd"  # hlt; jmp to the hlt
_PM1_CONTROL = "ba 04 06"  # mov dx, 0x604 (q35's ACPI registers are at 0x600)

IDLE = _STOP
HELLO = "ba f8 03" + "".join(f"b0 {byte:02x} ee" for byte in b"hello\n") + _STOP  # out 0x3f8, al
RESET = "b0 fe e6 64" + _STOP  # mov al, 0xfe; out 0x64, al (the keyboard controller's reset)
POWER_OFF = _PM1_CONTROL + "b8 00 20 ef" + _STOP  # mov ax, SLP_EN; out dx, ax
SUSPEND_DISK = _PM1_CONTROL + "b8 00 28 ef" + _STOP  # mov ax, SLP_EN | 2 << 10; out dx, ax
WRITE = "b8 01 03 bb 00 7c b9 28 00 ba 80 00 cd 13" + _STOP  # int 0x13: write sector 40


def boot_disk(path: Path, code: str) -> Disk:
    """Make a disk that boots this code."""
    sector = bytes.fromhex(code).ljust(_SECTOR - 2, b"\0") + b"\x55\xaa"
    with sparse(path, 1).open("r+b") as file:
        file.write(sector)
    return Disk(serial="root", path=path)


def bare(*disks: Disk, memory_mib: int = 32) -> MachineSpec:
    """Return a small machine without a kernel."""
    guest = GuestSpec(kernel="none", memory_mib=memory_mib, vcpus=1)
    return MachineSpec(accel=Accel.TCG, guest=guest, kernel=None, disks=disks)
