"""Machines that are saved and go on in another QEMU, for real."""

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.deadline import Deadline, poll
from hibtest.errors import QemuError
from hibtest.machine.migrate import can_migrate
from hibtest.machine.process import Machine, Saved, start
from hibtest.machine.shape import MachineSpec
from tests.machine.guests import COUNT, COUNTER, HELLO, OTHER_COUNTER, TWO_COUNT, bare, boot_disk

_TELLS = "hello"


def _soon(what: str = "the answer") -> Deadline:
    return Deadline.after(60, what)


def _counts(machine: Machine) -> tuple[int, int]:
    assert machine.memory is not None
    row, offset = divmod(COUNTER, 4096)
    page = machine.memory.pages[row]
    (first,) = struct.unpack_from("<I", page, offset)
    (second,) = struct.unpack_from("<H", page, offset + OTHER_COUNTER - COUNTER)
    return int(first), int(second)


def _counting(directory: Path) -> MachineSpec:
    return bare(boot_disk(directory / "disk.img", TWO_COUNT), vcpus=2, debug=True)


def _may_write(machine: Machine) -> bool:
    """Return whether QEMU has taken the disks over; else it aborts at the guest's first write."""
    nodes = machine.monitor.execute("query-named-block-nodes", deadline=_soon())
    assert isinstance(nodes, list)
    return all(node["active"] for node in nodes)


def _stopped(machine: Machine) -> None:
    assert machine.debugger is not None
    machine.debugger.pause(_soon())
    machine.debugger.stop_at(COUNT, _soon())
    machine.debugger.resume(_soon())
    machine.debugger.wait(_soon("the count"))
    machine.debugger.clear(COUNT, _soon())


@pytest.mark.qemu
def test_guest_goes_on_where_it_was_saved_and_is_looked_into_as_before(tmp_path: Path) -> None:
    spec, state = _counting(tmp_path), tmp_path / "state"
    with start(spec, tmp_path / "old") as machine:
        _stopped(machine)
        with pytest.raises(QemuError, match="while it is debug"):
            machine.save(state, _soon())
        assert machine.debugger is not None
        machine.debugger.resume(_soon())
        before = _counts(machine)
        machine.save(state, _soon())
        assert machine.exit() is not None
    with start(spec, tmp_path / "new", saved=Saved(state=state, console=b"before\n")) as machine:
        _stopped(machine)
        first = _counts(machine)
        assert first[0] >= before[0]
        assert machine.debugger is not None
        machine.debugger.resume(_soon())
        poll(lambda: _counts(machine)[0] != first[0] or None, _soon("another count"))
        assert machine.ssh_port > 0
        assert _may_write(machine)
    assert (tmp_path / "new" / "console.log").read_bytes() == b"before\n"


@pytest.mark.qemu
def test_machine_that_is_not_looked_into_is_saved_as_well(tmp_path: Path) -> None:
    spec, state = bare(boot_disk(tmp_path / "disk.img", HELLO)), tmp_path / "a, b"
    with start(spec, tmp_path / "old") as machine:
        assert machine.console.recv(1) == b"h"
        machine.save(state, _soon())
    with start(spec, tmp_path / "new", saved=Saved(state=state, console=b"h")) as machine:
        assert machine.exit() is None
        answer = machine.monitor.execute("query-status", deadline=_soon())
        assert isinstance(answer, dict)
        assert answer["running"]


@pytest.mark.qemu
def test_what_was_saved_of_another_machine_is_not_loaded(tmp_path: Path) -> None:
    spec, state = _counting(tmp_path), tmp_path / "state"
    with start(spec, tmp_path / "old") as machine:
        machine.save(state, _soon())
    other = replace(spec, guest=replace(spec.guest, vcpus=1))
    with (
        pytest.raises(QemuError, match=r"state could not be loaded"),
        start(other, tmp_path / "new", saved=Saved(state=state, console=b"")),
    ):
        pass


@pytest.mark.qemu
def test_damaged_file_is_not_loaded(tmp_path: Path) -> None:
    spec, state = _counting(tmp_path), tmp_path / "state"
    state.write_bytes(b"no machine")
    with (
        pytest.raises(QemuError, match=r"could not be loaded"),
        start(spec, tmp_path / "new", saved=Saved(state=state, console=b"")),
    ):
        pass


@pytest.mark.parametrize(
    ("version", "can"),
    [("7.2.22", False), ("9.2.4", False), ("10.0.2", True), ("11.0.0", True), ("", False)],
)
def test_version_says_whether_machines_can_be_saved(version: str, can: bool) -> None:
    assert can_migrate(version) is can
