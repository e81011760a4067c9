"""What the proof knows of Linux on x86-64 alone: its maps, its stacks, where it saves and jumps."""

import numpy as np

from hibtest.image.header import PAGE_SIZE
from hibtest.machine.registers import Registers

KERNEL_MAP = 0xFFFFFFFF80000000  # __START_KERNEL_map, arch/x86/include/asm/page_64_types.h
# __PAGE_OFFSET_BASE_L4 and __VMEMMAP_BASE_L4, arch/x86/include/asm/page_64_types.h and
# pgtable_64_types.h, where page_offset_base and vmemmap_base are no variables.
PAGE_OFFSET = 0xFFFF888000000000
VMEMMAP = 0xFFFFEA0000000000
STACK = 4 * PAGE_SIZE  # THREAD_SIZE, arch/x86/include/asm/page_64_types.h (6.1 to 7.3)
# Parts of the kernel's image, by the symbols that bound them (arch/x86/kernel/vmlinux.lds.S).
PARTS = (
    ("kernel text", "_text", "_etext"),
    ("kernel rodata", "_etext", "_sdata"),
    ("kernel data", "_sdata", "_edata"),
    ("kernel bss", "__bss_start", "_end"),
)
# An entry of a page table, arch/x86/include/asm/pgtable_types.h (v6.1 to v7.3): present and for
# the process, writable, the last on its way (PSE), and where what it points to lies.
USER = np.uint64(0x5)
WRITABLE = np.uint64(0x2)
LARGE = np.uint64(0x80)
FRAME = np.uint64(0x000F_FFFF_FFFF_F000)
ENTRIES = 512


def return_address(registers: Registers) -> int:
    """Return where the address lies to which a function that was just entered returns."""
    return registers.rsp


def result(registers: Registers) -> int:
    """Return the ``int`` that a function has just returned."""
    return registers.rax & 0xFFFFFFFF


def jump(registers: Registers) -> tuple[int, int]:
    """Return where restore_image() jumps to, and the page table that it takes along.

    The saved kernel's ``restore_registers`` has them in r8 and r9
    (arch/x86/power/hibernate_asm_64.S, v6.1 to v7.3).
    """
    return registers.r8, registers.r9


def levels(page_offset: int) -> int:
    """Return how many levels page tables have: only with five does RAM's map begin so low.

    Documentation/arch/x86/x86_64/mm.rst (x86/x86_64/mm.rst before v6.4).
    """
    return 4 if page_offset >= 0xFFFF_8000_0000_0000 else 5
