"""The guest's memory: which page is where, and that both ways of reading it agree."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hibtest import images
from hibtest.deadline import Deadline
from hibtest.errors import HostError, QemuError
from hibtest.machine.memory import GuestMemory, RamRange, mapped, pmemsave
from hibtest.machine.process import Machine, start
from hibtest.machine.shape import MachineSpec
from tests.machine.guests import bare

FOUR_GIB = 1 << 20  # as a PFN
RANGES = (
    RamRange(pfn=0, row=0, pages=0xA0),
    RamRange(pfn=0x100, row=0x100, pages=0x100),
    RamRange(pfn=FOUR_GIB, row=0x200, pages=0x40),
)


def _soon(what: str = "the answer") -> Deadline:
    return Deadline.after(120, what)


def _pfns(*pfns: int) -> NDArray[np.int64]:
    return np.array(pfns, dtype=np.int64)


@contextmanager
def _stopped(directory: Path, memory_mib: int) -> Iterator[tuple[Machine, GuestMemory]]:
    spec = bare(memory_mib=memory_mib, debug=True)
    with start(spec, directory / "machine") as machine:
        assert machine.debugger is not None
        assert machine.memory is not None
        machine.debugger.pause(_soon())
        yield machine, machine.memory


# The mapping is read-only; the file behind it is not.
def _memory_file(machine: Machine) -> Path:
    (number,) = re.findall(r"mem-path=/dev/fd/(\d+)", " ".join(machine.argv))
    return Path(f"/proc/self/fd/{number}")


def test_pages_are_found_by_their_pfn() -> None:
    memory = GuestMemory(np.zeros((0x240, 4096), dtype=np.uint8), RANGES)
    pfns = _pfns(0, 0x9F, 0xA0, 0xFF, 0x100, 0x1FF, 0x200, FOUR_GIB - 1, FOUR_GIB, FOUR_GIB + 0x40)
    rows = [0, 0x9F, -1, -1, 0x100, 0x1FF, -1, -1, 0x200, -1]
    assert memory.rows(pfns).tolist() == rows
    assert memory.rows(_pfns(-1, 1 << 52, FOUR_GIB + 0x3F)).tolist() == [-1, -1, 0x23F]
    assert memory.rows(_pfns()).tolist() == []


@given(st.lists(st.integers(0, FOUR_GIB + 0x80), max_size=50))
def test_rows_and_pfns_are_two_sides_of_one_thing(numbers: list[int]) -> None:
    memory = GuestMemory(np.zeros((0x240, 4096), dtype=np.uint8), RANGES)
    known = memory.pfns()
    assert len(known) == 0xA0 + 0x100 + 0x40
    row_of = dict(zip(known.tolist(), memory.rows(known).tolist(), strict=True))
    assert len(set(row_of.values())) == len(row_of)
    assert memory.rows(_pfns(*numbers)).tolist() == [row_of.get(pfn, -1) for pfn in numbers]


# 2 GiB below 4 GiB when there is more than 2.75 GiB, else all of it (hw/i386/pc_q35.c).
LOW_MIB = {256: 256, 2047: 2047, 2048: 2048, 2560: 2560, 2816: 2048, 3072: 2048, 6144: 2048}


@pytest.mark.qemu
@pytest.mark.parametrize("memory_mib", LOW_MIB)
def test_ram_is_where_the_machine_has_it(memory_mib: int, tmp_path: Path) -> None:
    with _stopped(tmp_path, memory_mib) as (_, memory):
        low = LOW_MIB[memory_mib] * 256
        high = memory_mib * 256 - low
        beyond = _pfns(0xA0, 0xFF, low, FOUR_GIB - 1, FOUR_GIB + high)
        assert memory.pages.shape == (memory_mib * 256, 4096)
        assert len(memory.pfns()) == memory_mib * 256 - 0x60
        assert memory.rows(beyond).tolist() == [-1] * 5
        assert memory.rows(_pfns(low - 1)).tolist() == [low - 1]
        if high:
            assert memory.rows(_pfns(FOUR_GIB, FOUR_GIB + high - 1)).tolist() == [
                low,
                low + high - 1,
            ]


# One page of each kind, marked from outside: saving all of 6 GiB would cost as much memory.
@pytest.mark.qemu
@pytest.mark.parametrize("memory_mib", LOW_MIB)
def test_qemu_finds_each_page_where_we_do(memory_mib: int, tmp_path: Path) -> None:
    with _stopped(tmp_path, memory_mib) as (machine, memory):
        known = memory.pfns()
        edges = np.flatnonzero(np.diff(known) != 1)
        pfns = np.unique(known[np.concatenate(([0, len(known) // 2, -1], edges, edges + 1))])
        rows = memory.rows(pfns)
        with _memory_file(machine).open("r+b") as file:
            for pfn, row in zip(pfns.tolist(), rows.tolist(), strict=True):
                os.pwrite(file.fileno(), pfn.to_bytes(8, "little") * 512, row * 4096)
        ranges = [RamRange(pfn=int(pfn), row=place, pages=1) for place, pfn in enumerate(pfns)]
        pmemsave(machine.monitor, ranges, tmp_path / "saved", _soon())
        with (tmp_path / "saved").open("rb") as copy, mapped(copy.fileno(), ranges) as saved:
            assert np.array_equal(saved.pages, memory.pages[rows])
            assert saved.pages.view("<u8")[:, 0].tolist() == pfns.tolist()


@pytest.mark.qemu
def test_all_of_it_is_the_same_both_ways(tmp_path: Path) -> None:
    with _stopped(tmp_path, 64) as (machine, memory):
        with _memory_file(machine).open("r+b") as file:
            file.write(np.arange(64 << 17, dtype=np.int64).tobytes())
        pmemsave(machine.monitor, memory.ranges, tmp_path / "saved", _soon())
        with (tmp_path / "saved").open("rb") as copy, mapped(copy.fileno(), memory.ranges) as saved:
            rows = memory.rows(memory.pfns())
            assert np.array_equal(saved.pfns(), memory.pfns())
            assert np.array_equal(saved.pages[rows], memory.pages[rows])
            assert saved.pages[rows].view("<i8")[:, 1].tolist() == (rows * 512 + 1).tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["machine", "saved"]


@pytest.mark.qemu
def test_memory_of_a_guest_that_runs_is_not_saved(tmp_path: Path) -> None:
    with (
        start(bare(), tmp_path / "machine") as machine,
        pytest.raises(QemuError, match="the guest runs"),
    ):
        pmemsave(machine.monitor, RANGES, tmp_path / "saved", _soon())
    assert not (tmp_path / "saved").exists()


@pytest.mark.qemu
def test_a_file_that_cannot_be_written_leaves_none(tmp_path: Path) -> None:
    with _stopped(tmp_path, 32) as (machine, memory):
        with pytest.raises(HostError, match=r"none/saved: No such file"):
            pmemsave(machine.monitor, memory.ranges, tmp_path / "none" / "saved", _soon())
        (tmp_path / "saved.piece").symlink_to("/dev/full")
        with pytest.raises(QemuError, match="pmemsave failed"):
            pmemsave(machine.monitor, memory.ranges, tmp_path / "saved", _soon())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["machine"]


def test_a_part_that_is_kept_stays_readable(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    path.write_bytes(b"x" * 8192)
    ranges = [RamRange(pfn=0, row=0, pages=2)]
    with path.open("rb") as file, mapped(file.fileno(), ranges) as memory:
        kept = memory.pages[1]
    assert memory.pages.shape == (0, 4096)
    assert bytes(kept[:4]) == b"xxxx"


def test_an_empty_file_cannot_be_mapped(tmp_path: Path) -> None:
    (tmp_path / "memory").touch()
    with (
        (tmp_path / "memory").open("rb") as file,
        pytest.raises(HostError, match="cannot be mapped"),
        mapped(file.fileno(), RANGES),
    ):
        pytest.fail("it was mapped")


def _e820(spec: MachineSpec, directory: Path) -> list[str]:
    text = ""
    with start(spec, directory) as machine:
        while part := machine.console.recv(1 << 16):
            text += part.decode("ascii", errors="replace")
    return re.findall(r"BIOS-e820: (\[mem .*?\] \w+)", text)


@pytest.mark.guest
@pytest.mark.parametrize("memory_mib", [512, 3072])
def test_the_kernel_sees_one_memory_map_looked_into_or_not(memory_mib: int, tmp_path: Path) -> None:
    kernel = images.guest_files("trixie").kernel
    cmdline = "console=ttyS0 panic=-1 no_timer_check"
    spec = replace(bare(memory_mib=memory_mib), kernel=kernel, cmdline=cmdline)
    plain = _e820(spec, tmp_path / "plain")
    assert _e820(replace(spec, debug=True), tmp_path / "debug") == plain
    assert sum("usable" in line for line in plain) >= 2
