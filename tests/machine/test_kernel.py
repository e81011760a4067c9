"""A Linux kernel, stopped where its 64-bit code begins, and the memory map it is given."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hibtest import images
from hibtest.deadline import Deadline
from hibtest.machine.memory import PAGE_SIZE
from hibtest.machine.process import start
from tests.machine.guests import bare

pytestmark = pytest.mark.guest

# The 64-bit entry of a bzImage loaded at 1 MiB: Documentation/arch/x86/boot.rst (6.1 to 7.3).
ENTRY = 0x100200
LONG_MODE = 0x500  # EFER.LME and LMA
# struct boot_params, arch/x86/include/uapi/asm/bootparam.h (6.1 to 7.3)
E820_ENTRIES = 0x1E8
HEADER = 0x202
E820_TABLE = 0x2D0
E820_ENTRY = struct.Struct("<QQI")
E820_RAM = 1


def _soon(what: str = "the answer") -> Deadline:
    return Deadline.after(60, what)


@pytest.mark.parametrize("memory_mib", [512, 3072])
def test_all_ram_of_the_kernels_map_is_found(memory_mib: int, tmp_path: Path) -> None:
    kernel = images.guest_files("trixie").kernel
    spec = replace(bare(memory_mib=memory_mib, debug=True), kernel=kernel)
    with start(spec, tmp_path / "machine") as machine:
        debugger, memory = machine.debugger, machine.memory
        assert debugger is not None
        assert memory is not None
        debugger.pause(_soon())
        debugger.stop_at(ENTRY, _soon())
        debugger.resume(_soon())
        assert debugger.wait(_soon("the kernel's entry")).trapped
        registers = debugger.registers(_soon())
        assert (registers.rip, registers.efer & LONG_MODE) == (ENTRY, LONG_MODE)

        params = debugger.read(registers.rsi, PAGE_SIZE, _soon())
        assert params[HEADER : HEADER + 4] == b"HdrS"
        table = params[E820_TABLE : E820_TABLE + params[E820_ENTRIES] * E820_ENTRY.size]
        ram = [
            np.arange(-(-base // PAGE_SIZE), (base + size) // PAGE_SIZE)
            for base, size, kind in E820_ENTRY.iter_unpack(table)
            if kind == E820_RAM
        ]
        rows = memory.rows(np.concatenate(ram))
        assert np.min(rows) == 0
        assert len(np.unique(rows)) == len(rows) > memory_mib * 256 * 0.99

        (row,) = memory.rows(np.array([ENTRY // PAGE_SIZE]))
        page = debugger.read(ENTRY & -PAGE_SIZE, PAGE_SIZE, _soon())
        assert page == memory.pages[row].tobytes()
        assert memory.pages[row].any()
