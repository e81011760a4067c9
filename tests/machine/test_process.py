"""Machines for real: how they start, what they tell, and that nothing is left of them."""

import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from hibtest.deadline import Deadline, DeadlineExpired, wait_readable
from hibtest.errors import HostError, QemuError, SpecError
from hibtest.evidence import Exit
from hibtest.machine.argv import argv
from hibtest.machine.process import error_of, start
from tests.machine.guests import (
    CHATTER,
    CHATTER_SIZE,
    HELLO,
    POWER_OFF,
    RESET,
    SUSPEND_DISK,
    bare,
    boot_disk,
)

pytestmark = pytest.mark.qemu
FILES = ["argv", "console.log", "qemu.stderr", "qmp.jsonl"]


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def _soon(what: str) -> Deadline:
    return Deadline.after(60, what)


@contextmanager
def _pidfd(pid: int) -> Iterator[int]:
    fd = os.pidfd_open(pid)
    try:
        yield fd
    finally:
        os.close(fd)


def _left() -> tuple[list[str], list[str], list[int]]:
    return (
        _names(Path("/proc/self/fd")),
        sorted(thread.name for thread in threading.enumerate()),
        sorted(child.pid for child in psutil.Process().children(recursive=True)),
    )


def test_machine_runs_and_leaves_nothing_but_its_files(tmp_path: Path) -> None:
    before = _left()
    with start(bare(), tmp_path / "run" / "save") as machine:
        status = machine.monitor.execute("query-status", deadline=_soon("the status"))
        assert machine.exit() is None
        written = (tmp_path / "run" / "save" / "argv").read_text()
    assert status == {"status": "running", "running": True}
    assert tuple(shlex.split(written)) == argv(bare())
    assert "/dev/fd/" not in written
    assert "fd=" not in written
    assert machine.exit() == Exit(returncode=None)
    assert not psutil.pid_exists(machine.pid)
    assert _left() == before
    assert _names(tmp_path / "run" / "save") == FILES


def test_console_can_be_read_and_is_on_disk(tmp_path: Path) -> None:
    disk = boot_disk(tmp_path / "disk.img", HELLO)
    text = b""
    with start(bare(disk), tmp_path / "save") as machine:
        deadline = _soon("the guest's greeting")
        while b"\n" not in text:
            assert wait_readable([machine.console.fileno()], deadline)
            text += machine.console.recv(4096)
    assert text == b"hello\n"
    assert (tmp_path / "save" / "console.log").read_bytes() == b"hello\n"


def test_console_that_is_read_late_has_lost_nothing(tmp_path: Path) -> None:
    disk = boot_disk(tmp_path / "disk.img", CHATTER)
    text = b""
    with start(bare(disk), tmp_path / "save") as machine:
        machine.wait(_soon("the guest's end"))
        while part := machine.console.recv(4096):
            text += part
    assert text == bytes(number & 0xFF for number in range(CHATTER_SIZE, 0, -1))
    assert (tmp_path / "save" / "console.log").read_bytes() == text


@pytest.mark.parametrize(
    ("code", "names", "reason"),
    [
        (POWER_OFF, ["SHUTDOWN"], "guest-shutdown"),
        (RESET, ["SHUTDOWN"], "guest-reset"),
        (SUSPEND_DISK, ["SUSPEND_DISK", "SHUTDOWN"], "guest-shutdown"),
    ],
)
def test_end_by_the_guest_is_told(tmp_path: Path, code: str, names: list[str], reason: str) -> None:
    disk = boot_disk(tmp_path / "disk.img", code)
    with start(bare(disk), tmp_path / "save") as machine:
        assert machine.wait(_soon("the guest's end")) == Exit(returncode=0)
        with pytest.raises(QemuError, match="closed its monitor before the event NEVER"):
            machine.monitor.wait_event("NEVER", _soon("NEVER"))
        events = [event for event in machine.monitor.events() if event.name in names]
    assert [event.name for event in events] == names
    assert events[-1].data == {"guest": True, "reason": reason}
    assert error_of(Exit(returncode=0), machine.argv) is None


def test_one_poll_sees_events_and_the_end(tmp_path: Path) -> None:
    disk = boot_disk(tmp_path / "disk.img", POWER_OFF)
    with start(bare(disk), tmp_path / "save") as machine:
        poller = select.poll()
        for fd in (machine.fileno(), machine.monitor.fileno(), machine.console.fileno()):
            poller.register(fd, select.POLLIN)
        names, seen = [], set[int]()
        # The end of the process may be seen before its last events are heard.
        while machine.fileno() not in seen or not machine.monitor.gone:
            ready = {fd for fd, _ in poller.poll(60_000)}
            assert ready
            if machine.console.fileno() in ready and not machine.console.recv(4096):
                poller.unregister(machine.console.fileno())
            if machine.fileno() in ready:
                poller.unregister(machine.fileno())
            seen |= ready
            names += [event.name for event in machine.monitor.events()]
        names += [event.name for event in machine.monitor.events()]
    assert machine.monitor.fileno() in seen
    assert names[0] == "RESUME"
    assert "SHUTDOWN" in names


def test_two_machines_have_two_ports_that_lead_to_them(tmp_path: Path) -> None:
    with start(bare(), tmp_path / "one") as one, start(bare(), tmp_path / "two") as two:
        assert one.ssh_port != two.ssh_port
        for machine in (one, two):
            with socket.create_connection(("127.0.0.1", machine.ssh_port), timeout=10) as client:
                assert client.getpeername()[1] == machine.ssh_port


def test_refused_command_line_is_told_in_full(tmp_path: Path) -> None:
    spec = replace(bare(), kernel=tmp_path / "none")
    before = _left()
    with pytest.raises(QemuError) as caught, start(spec, tmp_path / "save"):
        pytest.fail("it started")
    error = caught.value
    assert error.returncode == 1
    assert "could not open kernel file" in error.stderr
    assert error.stderr in error.message
    assert "QEMU ended with status 1: " in error.message
    assert shlex.join(error.argv) in error.message
    assert _left() == before


def test_death_by_a_signal_is_told(tmp_path: Path) -> None:
    with start(bare(), tmp_path / "save") as machine:
        os.kill(machine.pid, signal.SIGSEGV)
        end = machine.wait(_soon("QEMU's end"))
        with pytest.raises(QemuError, match="QMP command query-status failed"):
            machine.monitor.execute("query-status", deadline=_soon("the status"))
    assert end == Exit(returncode=-signal.SIGSEGV)
    error = error_of(end, machine.argv)
    assert error is not None
    assert error.returncode == -signal.SIGSEGV
    assert "QEMU was ended by SIGSEGV" in error.message
    assert _names(tmp_path / "save") == FILES


def test_machine_that_does_not_end_is_waited_for_no_longer_than_asked(tmp_path: Path) -> None:
    with start(bare(), tmp_path / "save") as machine:
        with pytest.raises(DeadlineExpired, match=r"the end did not come within 0 s"):
            machine.wait(Deadline.after(0.1, "the end"))
        assert machine.exit() is None


def test_stopped_qemu_is_ended_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hibtest.machine.process._END_LIMIT", 1.0)
    with start(bare(), tmp_path / "save") as machine:
        os.kill(machine.pid, signal.SIGSTOP)
    assert not psutil.pid_exists(machine.pid)
    assert machine.exit() == Exit(returncode=None)


def test_missing_qemu_names_the_package(tmp_path: Path) -> None:
    spec = replace(bare(), qemu="no-qemu")
    with (
        pytest.raises(HostError, match=r"no-qemu is not installed \(apt install qemu-system-x86"),
        start(spec, tmp_path / "save"),
    ):
        pytest.fail("it started")


def test_directory_of_another_machine_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "argv").write_text("older")
    with pytest.raises(SpecError, match="holds the files"), start(bare(), tmp_path):
        pytest.fail("it started")
    assert (tmp_path / "argv").read_text() == "older"


def test_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostError, match="Not a directory"), start(bare(), tmp_path / "file" / "d"):
        pytest.fail("it started")


@contextmanager
def _holder(directory: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = (sys.executable, "-m", "tests.machine.child", "hold", str(directory))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield child, int(child.stdout.readline())
        finally:
            child.kill()


def test_qemu_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    with _holder(tmp_path) as (child, qemu), _pidfd(qemu) as end:
        child.send_signal(signal.SIGKILL)
        assert wait_readable([end], _soon("QEMU's end")) == [end]


def test_ctrl_c_ends_qemu_and_is_not_taken_for_its_own_end(tmp_path: Path) -> None:
    with _holder(tmp_path) as (child, qemu):
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate(timeout=60)
        assert not psutil.pid_exists(qemu)
    assert re.fullmatch(r"interrupted, Exit\(returncode=None, stderr=''\)\n", said)
