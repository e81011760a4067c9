"""Machines that are looked into, for real: guests stopped at an instruction, their memory read."""

import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hibtest.deadline import Deadline, DeadlineExpired, wait_readable
from hibtest.errors import QemuError
from hibtest.evidence import Exit
from hibtest.machine.breakpoint import Debugger, Stop
from hibtest.machine.memory import GuestMemory
from hibtest.machine.process import Machine, start
from hibtest.machine.rsp import StubGone
from tests.machine.guests import (
    COUNT,
    COUNTER,
    COUNTER_SEEN_AT,
    IDLE,
    OTHER_COUNT,
    OTHER_COUNTER,
    PAGE_DIRECTORY,
    POWER_OFF,
    TWO_COUNT,
    bare,
    boot_disk,
)

pytestmark = pytest.mark.qemu


def _soon(what: str = "the answer") -> Deadline:
    return Deadline.after(60, what)


@contextmanager
def _counting(directory: Path) -> Iterator[tuple[Machine, Debugger, GuestMemory]]:
    disk = boot_disk(directory / "disk.img", TWO_COUNT)
    with start(bare(disk, vcpus=2, debug=True), directory / "machine") as machine:
        assert machine.debugger is not None
        assert machine.memory is not None
        yield machine, machine.debugger, machine.memory


def _stopped_at(debugger: Debugger, address: int) -> Stop:
    debugger.pause(_soon())
    debugger.stop_at(address, _soon())
    debugger.resume(_soon())
    return debugger.wait(_soon("the breakpoint"))


def _word(memory: GuestMemory, address: int, form: str) -> int:
    row, offset = divmod(address, 4096)
    (word,) = struct.unpack_from(form, memory.pages[row], offset)
    return int(word)


def _counters(memory: GuestMemory) -> dict[int, int]:
    return {1: _word(memory, COUNTER, "<I"), 2: _word(memory, OTHER_COUNTER, "<H")}


def test_guest_is_stopped_at_an_instruction_and_shows_what_it_has(tmp_path: Path) -> None:
    with _counting(tmp_path) as (_, debugger, memory):
        assert _stopped_at(debugger, COUNT) == Stop(thread=1, signal=5)
        debugger.clear(COUNT, _soon())
        debugger.stop_at(COUNT + 4, _soon())  # the count is in ecx there
        debugger.resume(_soon())
        stop = debugger.wait(_soon("the next breakpoint"))
        registers = debugger.registers(_soon())
        count = debugger.read(COUNTER_SEEN_AT, 4, _soon())
        assert stop.trapped
        assert registers.rip == COUNT + 4
        assert registers.rdi == COUNTER_SEEN_AT
        assert registers.rcx == int.from_bytes(count, "little") == _counters(memory)[1] > 0
        assert registers.cr3 == PAGE_DIRECTORY
        assert (registers.cs, registers.ds) == (8, 16)
        assert registers.cr0 >> 31 == 1
        assert registers.cr4 & 0x10


def test_memory_is_read_through_the_page_tables_and_in_pieces(tmp_path: Path) -> None:
    code = bytes.fromhex(TWO_COUNT)[:0xC6]  # behind it, the CPU marks descriptors it has used
    with _counting(tmp_path) as (_, debugger, memory):
        _stopped_at(debugger, COUNT)
        wanted = bytes(memory.pages[7:10].reshape(-1))
        assert debugger.read(0xC0007000, len(wanted), _soon()) == wanted
        assert debugger.read(0xC0007C00, len(code), _soon()) == code
        assert debugger.read(0xC0007C00, 0, _soon()) == b""
        with pytest.raises(QemuError, match=r"refused m80000000,4: it said 'E14'"):
            debugger.read(0x80000000, 4, _soon())


def test_a_vcpu_goes_round_once_between_two_stops(tmp_path: Path) -> None:
    with _counting(tmp_path) as (_, debugger, memory):
        _stopped_at(debugger, COUNT)
        first = _counters(memory)[1]
        counts = []
        for _ in range(5):
            debugger.resume(_soon())
            assert debugger.wait(_soon("the breakpoint")) == Stop(thread=1, signal=5)
            counts.append(_counters(memory)[1] - first)
    assert counts == [1, 2, 3, 4, 5]


def test_each_vcpu_is_stopped_whenever_it_comes_to_its_breakpoint(tmp_path: Path) -> None:
    with _counting(tmp_path) as (_, debugger, memory):
        _stopped_at(debugger, COUNT)
        assert debugger.vcpus(_soon()) == (1, 2)
        debugger.stop_at(OTHER_COUNT, _soon())
        last: dict[int, int] = {}
        stops = 0
        while len(last) < 2 or stops < 20:
            debugger.resume(_soon())
            stop = debugger.wait(_soon("a breakpoint"))
            address = {1: COUNT, 2: OTHER_COUNT}[stop.thread]
            count = _counters(memory)[stop.thread]
            assert debugger.registers(_soon(), thread=stop.thread).rip == address
            assert count == (last.get(stop.thread, count - 1) + 1) % (1 << 16)
            last[stop.thread] = count
            stops += 1
        assert debugger.registers(_soon(), thread=1).cr3 == PAGE_DIRECTORY
        assert debugger.registers(_soon(), thread=2).cr3 == 0
        with pytest.raises(QemuError, match="refused Hg3"):
            debugger.registers(_soon(), thread=3)


def test_a_cleared_breakpoint_stops_nobody(tmp_path: Path) -> None:
    with _counting(tmp_path) as (_, debugger, memory):
        _stopped_at(debugger, COUNT)
        debugger.clear(COUNT, _soon())
        before = _counters(memory)[1]
        debugger.resume(_soon())
        assert debugger.stopped() is None
        with pytest.raises(QemuError, match=r"a guest that runs \(pause it first\)"):
            debugger.registers(_soon())
        with pytest.raises(DeadlineExpired, match="a stop did not come within 0 s"):
            debugger.wait(Deadline.after(0.2, "a stop"))
        assert debugger.pause(_soon()).signal == 2
        assert debugger.pause(_soon()).signal == 2
        assert _counters(memory)[1] > before + 1
        with pytest.raises(QemuError, match="refused z1"):
            debugger.clear(COUNT, _soon())


def test_a_stop_can_be_waited_for_with_other_things(tmp_path: Path) -> None:
    with _counting(tmp_path) as (machine, debugger, _):
        debugger.pause(_soon())
        debugger.stop_at(COUNT, _soon())
        assert wait_readable([debugger.fileno()], Deadline.after(0, "nothing")) == []
        debugger.resume(_soon())
        ready: list[int] = []
        while debugger.fileno() not in ready:
            ready = wait_readable([debugger.fileno(), machine.fileno()], _soon())
            assert ready
        assert debugger.stopped() == debugger.stopped() == Stop(thread=1, signal=5)
        assert wait_readable([debugger.fileno()], Deadline.after(0, "nothing")) == []


def test_power_off_is_told_and_the_memory_stays(tmp_path: Path) -> None:
    disk = boot_disk(tmp_path / "disk.img", POWER_OFF)
    with start(bare(disk, debug=True), tmp_path / "machine") as machine:
        assert machine.debugger is not None
        assert machine.memory is not None
        with pytest.raises(StubGone, match="gdb stub has hung up"):
            machine.debugger.wait(_soon("the guest's end"))
        assert machine.wait(_soon("QEMU's end")) == Exit(returncode=0)
        with pytest.raises(StubGone):
            machine.debugger.pause(_soon())
        code = bytes.fromhex(POWER_OFF)
        assert bytes(machine.memory.pages[7, 0xC00 : 0xC00 + len(code)]) == code


def test_killed_qemu_is_told(tmp_path: Path) -> None:
    with _counting(tmp_path) as (machine, debugger, _):
        debugger.pause(_soon())
        os.kill(machine.pid, 9)
        machine.wait(_soon("QEMU's end"))
        with pytest.raises(StubGone):
            debugger.registers(_soon())


def test_machines_that_are_not_looked_into_have_neither(tmp_path: Path) -> None:
    with start(bare(), tmp_path / "machine") as machine:
        assert machine.debugger is None
        assert machine.memory is None


def _left() -> tuple[int, int, int]:
    maps = Path("/proc/self/maps").read_text()
    return (
        len(list(Path("/proc/self/fd").iterdir())),
        maps.count("hibtest-ram"),
        threading.active_count(),
    )


def test_nothing_is_left_of_descriptors_and_mappings(tmp_path: Path) -> None:
    disk = boot_disk(tmp_path / "disk.img", IDLE)
    before = _left()
    with start(bare(disk, debug=True), tmp_path / "machine") as machine:
        memory = machine.memory
        assert memory is not None
        assert _left()[1] == before[1] + 1
        assert memory.pages.shape == (32 * 256, 4096)
    assert memory.pages.shape == (0, 4096)
    assert _left() == before


def test_memory_can_only_be_read(tmp_path: Path) -> None:
    with start(bare(debug=True), tmp_path / "machine") as machine:
        assert machine.memory is not None
        with pytest.raises(ValueError, match="read-only"):
            machine.memory.pages[0, 0] = 1
        with pytest.raises(ValueError, match="WRITEABLE"):
            machine.memory.pages.flags.writeable = True
