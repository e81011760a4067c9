"""The smallest guest there is: a firmware that goes to protected mode and says so."""

import os
from pathlib import Path

from hibtest.machine.arch import X86_64

_DEBUG_PORT = 0xF4
_WORD = 0x10
RAN_STATUS = (_WORD << 1) | 1  # isa-debug-exit's exit status for that word

_FIRMWARE_SIZE = 0x10000
_FIRMWARE_BASE = 0xF0000  # where its last 64 KiB can be seen below 1 MiB
_RESET_VECTOR = 0xFFF0
_GDT = 0x40
_GDT_REGISTER = 0x50
_PROTECTED = 0x20

_CODE = {
    0x00: (
        "fa"  # cli
        "2e 0f 01 16 50 00"  # lgdt cs:[_GDT_REGISTER]
        "0f 20 c0"  # mov eax, cr0
        "0c 01"  # or al, 1 (protected mode)
        "0f 22 c0"  # mov cr0, eax
        "66 ea 20 00 0f 00 08 00"  # jmp far dword 0x08:(_FIRMWARE_BASE + _PROTECTED)
    ),
    _PROTECTED: (
        "b0 10"  # mov al, _WORD
        "e6 f4"  # out _DEBUG_PORT, al
        "f4"  # hlt
        "eb fd"  # jmp to the hlt
    ),
    _GDT: (
        "00 00 00 00 00 00 00 00"  # the null descriptor
        "ff ff 00 00 00 9a cf 00"  # 0x08: 32-bit code, base 0, limit 4 GiB
    ),
    _GDT_REGISTER: (
        "0f 00"  # limit: two descriptors
        "40 00 0f 00"  # _FIRMWARE_BASE + _GDT
    ),
    _RESET_VECTOR: "ea 00 00 00 f0",  # jmp far f000:0000
}


def content() -> bytes:
    """Return the firmware: 64 KiB that end at the reset vector's page.

    It goes the way of every kernel's start, from the reset vector through real mode into
    protected mode, and ends QEMU with :data:`RAN_STATUS`.
    """
    code = bytearray(_FIRMWARE_SIZE)
    for offset, text in _CODE.items():
        part = bytes.fromhex(text)
        code[offset : offset + len(part)] = part
    return bytes(code)


def options(firmware: Path) -> tuple[str, ...]:
    """Return the options of a machine that runs nothing but this firmware."""
    return (
        "-nodefaults",
        "-no-user-config",
        "-display", "none",
        "-no-reboot",
        "-M", X86_64.machine,
        "-m", "16M",
        "-bios", os.fspath(firmware),
        "-device", f"isa-debug-exit,iobase={_DEBUG_PORT:#x},iosize=4",
    )  # fmt: skip
