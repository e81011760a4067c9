"""Guests of one disk sector, for tests of what carries a guest.

The firmware loads a disk's first sector to 0x7c00 and jumps there, in real mode. Each guest is
written as machine code with its assembly beside it.
"""

from pathlib import Path

from hibtest.machine.disk import sparse
from hibtest.machine.shape import Accel, Disk, MachineSpec
from hibtest.spec import GuestSpec

_SECTOR = 512
_STOP = "f4 eb fd"  # hlt; jmp to the hlt
_PM1_CONTROL = "ba 04 06"  # mov dx, 0x604 (q35's ACPI registers are at 0x600)

IDLE = _STOP
HELLO = "ba f8 03" + "".join(f"b0 {byte:02x} ee" for byte in b"hello\n") + _STOP  # out 0x3f8, al
# Bytes that count down from CHATTER_SIZE, as fast as the serial port takes them; then power-off.
CHATTER_SIZE = 400
CHATTER = (
    "b9 90 01"  # mov cx, CHATTER_SIZE
    "ba fd 03 ec a8 20 74 fb"  # next: mov dx, 0x3fd; wait: in al, dx; test al, 0x20; jz wait
    "ba f8 03 88 c8 ee e2 f0"  # mov dx, 0x3f8; mov al, cl; out dx, al; loop next
)
RESET = "b0 fe e6 64" + _STOP  # mov al, 0xfe; out 0x64, al (the keyboard controller's reset)
POWER_OFF = _PM1_CONTROL + "b8 00 20 ef" + _STOP  # mov ax, SLP_EN; out dx, ax
CHATTER += POWER_OFF
SUSPEND_DISK = _PM1_CONTROL + "b8 00 28 ef" + _STOP  # mov ax, SLP_EN | 2 << 10; out dx, ax
WRITE = "b8 01 03 bb 00 7c b9 28 00 ba 80 00 cd 13" + _STOP  # int 0x13: write sector 40

# Two vCPUs that count, for ever. The first counts at COUNTER, through pages of 4 MiB that show
# physical memory at 0xc0000000 once more; it keeps the count in ecx as well. The second counts
# at OTHER_COUNTER, in real mode.
COUNT = 0xC0007CC0  # the first one's loop: before it counts
OTHER_COUNT = 0x8005  # the second one's
COUNTER = 0x9000  # physical; 32 bits
OTHER_COUNTER = 0x9004  # 16 bits
COUNTER_SEEN_AT = 0xC0000000 + COUNTER
PAGE_DIRECTORY = 0xA000
TWO_COUNT = (
    "fa"  # cli
    "31 c0 8e d8"  # xor ax, ax; mov ds, ax
    "0f 01 16 e8 7c"  # lgdt [0x7ce8]
    "0f 20 c0 0c 01 0f 22 c0"  # mov eax, cr0; or al, 1; mov cr0, eax
    "66 ea 1a 7c 00 00 08 00"  # jmp far dword 8:0x7c1a: the next instruction, in 32 bits
    "b8 10 00 00 00 8e d8"  # mov eax, 0x10; mov ds, eax
    "c7 05 00 a0 00 00 83 00 00 00"  # mov [PAGE_DIRECTORY], 0x83: 4 MiB at 0
    "c7 05 00 ac 00 00 83 00 00 00"  # mov [PAGE_DIRECTORY + 0xc00], 0x83: at 0xc0000000
    "c7 05 ec af 00 00 83 00 c0 fe"  # mov [PAGE_DIRECTORY + 0xfec], 0xfec00083: the local APIC
    "0f 20 e0 0c 10 0f 22 e0"  # mov eax, cr4; or al, PSE; mov cr4, eax
    "b8 00 a0 00 00 0f 22 d8"  # mov eax, PAGE_DIRECTORY; mov cr3, eax
    "0f 20 c0 0f ba e8 1f 0f 22 c0"  # mov eax, cr0; bts eax, 31 (paging); mov cr0, eax
    "c7 05 00 80 00 00 ea 05 80 00"  # at 0x8000: jmp far 0:0x8005
    "c7 05 04 80 00 00 00 ff 06 04"  # at 0x8005: inc word [OTHER_COUNTER]
    "c7 05 08 80 00 00 90 eb fa 00"  # jmp 0x8005
    "31 c0 a3 00 90 00 00"  # xor eax, eax; mov [COUNTER], eax
    "a3 04 90 00 00"  # mov [OTHER_COUNTER], eax
    "bf 00 90 00 c0"  # mov edi, COUNTER_SEEN_AT
    "c7 05 00 03 e0 fe 00 45 0c 00"  # mov [0xfee00300], 0xc4500: INIT to the second vCPU
    "c7 05 00 03 e0 fe 08 46 0c 00"  # wake: mov [0xfee00300], 0xc4608: start it at 0x8000
    "66 83 3d 04 90 00 00 00"  # cmp word [OTHER_COUNTER], 0
    "74 ec"  # je wake
    "b8 c0 7c 00 c0 ff e0"  # mov eax, COUNT; jmp eax
    + "00"
    * 19
    + "ff 07"  # COUNT: inc dword [edi]
    "8b 0f"  # mov ecx, [edi]
    "eb fa"  # jmp COUNT
     + "00" * 10 + "00 00 00 00 00 00 00 00"  # at 0x7cd0, the null descriptor
    "ff ff 00 00 00 9a cf 00"  # 8: 32-bit code, base 0, limit 4 GiB
    "ff ff 00 00 00 92 cf 00"  # 0x10: 32-bit data
    "17 00 d0 7c 00 00"  # at 0x7ce8: three descriptors, at 0x7cd0
)


def boot_disk(path: Path, code: str) -> Disk:
    """Make a disk that boots this code."""
    sector = bytes.fromhex(code).ljust(_SECTOR - 2, b"\0") + b"\x55\xaa"
    with sparse(path, 1).open("r+b") as file:
        file.write(sector)
    return Disk(serial="root", path=path)


def bare(*disks: Disk, memory_mib: int = 32, vcpus: int = 1, debug: bool = False) -> MachineSpec:
    """Return a small machine without a kernel."""
    guest = GuestSpec(kernel="none", memory_mib=memory_mib, vcpus=vcpus)
    return MachineSpec(accel=Accel.TCG, guest=guest, kernel=None, disks=disks, debug=debug)
