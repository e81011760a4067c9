"""The registers of an x86-64 vCPU, as QEMU's gdb stub gives them."""

import struct
from dataclasses import dataclass

from hibtest.errors import QemuError

# target/i386/gdbstub.c, x86_cpu_gdb_read_register(), QEMU 7.2 to 10.0: 64 bits wide in every mode.
# What follows (x87, SSE) is not kept.
_LAYOUT = struct.Struct("<16Q Q I 6I 3Q 6Q")


@dataclass(frozen=True, slots=True)
class Registers:
    """Registers of a stopped vCPU, in the stub's order.

    In real mode, ``rip`` is an offset in the code segment.
    """

    rax: int
    rbx: int
    rcx: int
    rdx: int
    rsi: int
    rdi: int
    rbp: int
    rsp: int
    r8: int
    r9: int
    r10: int
    r11: int
    r12: int
    r13: int
    r14: int
    r15: int
    rip: int
    eflags: int
    cs: int
    ss: int
    ds: int
    es: int
    fs: int
    gs: int
    fs_base: int
    gs_base: int
    k_gs_base: int
    cr0: int
    cr2: int
    cr3: int
    cr4: int
    cr8: int
    efer: int


def registers(data: bytes) -> Registers:
    """Return the registers in the stub's answer to ``g``.

    :raise QemuError: When it is too short: the stub knows fewer registers.
    """
    if len(data) < _LAYOUT.size:
        raise QemuError(
            f"QEMU's gdb stub gave {len(data)} bytes of registers, not {_LAYOUT.size} or more",
            hint="use a newer QEMU",
        )
    return Registers(*_LAYOUT.unpack_from(data))
