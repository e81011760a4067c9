"""The monitor against a real QEMU, and against other ends of the wire that misbehave."""

import gc
import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from hibtest.deadline import Deadline, DeadlineExpired, wait_readable
from hibtest.errors import HostError, QemuError
from hibtest.machine.monitor import Monitor, connect
from hibtest.machine.process import start
from tests.machine.guests import POWER_OFF, bare, boot_disk

HELLO = (
    b'{"QMP": {"version": {"qemu": {"major": 10, "minor": 0, "micro": 2}, "package": ""},'
    b' "capabilities": []}}\n'
    b'{"return": {}}\n'
)


def _soon(what: str) -> Deadline:
    return Deadline.after(60, what)


# A monitor whose other end is ours. What it says first can be said before it is asked.
@contextmanager
def _connected(log: Path, said: bytes = b"") -> Iterator[tuple[Monitor, socket.socket]]:
    ours, qemus = socket.socketpair()
    with ours, qemus:
        qemus.sendall(HELLO if not said else said + b"\n" + HELLO)
        with connect(ours, log, _soon("the monitor")) as monitor:
            yield monitor, qemus


def _say(qemus: socket.socket, *names: str) -> None:
    for name in names:
        qemus.sendall(json.dumps({"event": name, "data": {"n": len(name)}}).encode() + b"\n")


@pytest.mark.qemu
def test_refused_command_is_told_with_qemus_words(tmp_path: Path) -> None:
    with (
        start(bare(), tmp_path / "save") as machine,
        pytest.raises(QemuError, match="QMP command no-such failed: The command no-such has not"),
    ):
        machine.monitor.execute("no-such", deadline=_soon("no-such"))


@pytest.mark.qemu
def test_every_message_is_logged_both_ways(tmp_path: Path) -> None:
    with start(bare(), tmp_path / "save") as machine:
        machine.monitor.execute("query-name", deadline=_soon("the name"))
    lines = (tmp_path / "save" / "qmp.jsonl").read_text().splitlines()
    log = [json.loads(line) for line in lines]
    assert log[0]["dir"] == "<-"
    assert "QMP" in log[0]["msg"]
    sent = [entry["msg"]["execute"] for entry in log if entry["dir"] == "->"]
    assert sent == ["qmp_capabilities", "human-monitor-command", "cont", "query-name", "quit"]
    assert {"name": "hibtest"} in [entry["msg"].get("return") for entry in log]
    times = [entry["t"] for entry in log]
    assert times == sorted(times)


@pytest.mark.qemu
def test_end_of_qemu_makes_no_noise(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    disk = boot_disk(tmp_path / "disk.img", POWER_OFF)
    with caplog.at_level(logging.WARNING), start(bare(disk), tmp_path / "save") as machine:
        machine.wait(_soon("the guest's end"))
    del machine
    gc.collect()
    assert caplog.messages == []


def test_events_wait_to_be_asked_for(tmp_path: Path) -> None:
    with _connected(tmp_path / "log") as (monitor, qemus):
        assert monitor.events() == []
        assert wait_readable([monitor.fileno()], Deadline.after(0, "nothing")) == []
        _say(qemus, "STOP", "RESET")
        monitor.wait_event("RESET", _soon("RESET"))
        assert wait_readable([monitor.fileno()], _soon("STOP")) == [monitor.fileno()]
        [event] = monitor.events()
        assert (event.name, event.data) == ("STOP", {"n": 4})
        assert monitor.events() == []


def test_event_that_does_not_come(tmp_path: Path) -> None:
    with _connected(tmp_path / "log") as (monitor, qemus):
        _say(qemus, "STOP")
        with pytest.raises(DeadlineExpired, match="the reset did not come"):
            monitor.wait_event("RESET", Deadline.after(0.1, "the reset"))


def test_command_that_is_not_answered(tmp_path: Path) -> None:
    with (
        _connected(tmp_path / "log") as (monitor, _),
        pytest.raises(DeadlineExpired, match="the status did not come"),
    ):
        monitor.execute("query-status", deadline=Deadline.after(0.1, "the status"))


def test_lost_connection_is_seen_after_its_last_events(tmp_path: Path) -> None:
    with _connected(tmp_path / "log") as (monitor, qemus):
        _say(qemus, "SHUTDOWN")
        qemus.close()
        assert monitor.wait_event("SHUTDOWN", _soon("SHUTDOWN")).data == {"n": 8}
        with pytest.raises(QemuError, match="closed its monitor before the event RESET"):
            monitor.wait_event("RESET", _soon("RESET"))
        assert monitor.gone
        with pytest.raises(QemuError, match="QMP command quit failed: the monitor is closed"):
            monitor.execute("quit", deadline=_soon("quit"))


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_10.0\r\n"])
def test_other_end_that_is_no_monitor(tmp_path: Path, said: bytes) -> None:
    ours, other = socket.socketpair()
    with ours, other:
        other.sendall(said)
        other.shutdown(socket.SHUT_WR)
        with (
            pytest.raises(QemuError, match="QEMU's monitor did not answer"),
            connect(ours, tmp_path / "log", _soon("the monitor")),
        ):
            pytest.fail("it connected")


def test_other_end_that_says_nothing(tmp_path: Path) -> None:
    ours, other = socket.socketpair()
    with (
        ours,
        other,
        pytest.raises(DeadlineExpired, match="the monitor did not come"),
        connect(ours, tmp_path / "log", Deadline.after(0.1, "the monitor")),
    ):
        pytest.fail("it connected")


def test_log_on_a_full_disk_is_the_hosts_fault(tmp_path: Path) -> None:
    with (
        _connected(tmp_path / "log") as (monitor, qemus),
        Path("/dev/full").open("wb", buffering=0) as full,
    ):
        monitor._log = full
        _say(qemus, "STOP")
        wait_readable([monitor.fileno()], _soon("STOP"))
        with pytest.raises(HostError, match="/dev/full: No space left on device"):
            monitor.events()


NO_QMP = {
    "no JSON": b"{",
    "no UTF-8": b'{"event": "\xff"}',
    "list": b"[]",
    "null": b"null",
    "blank": b"",
    "number": b"7",
    "deep": b"[" * 20000,
    "no event": b'{"event": 7}',
    "an event without a time": b'{"event": "STOP"}',
    "an answer nobody asked for": b'{"return": {}, "id": "x"}',
    "an error that is none": b'{"error": 7, "id": "__qmp#00001"}',
    "an id that is none": b'{"return": {}, "id": {}}',
    "a greeting again": HELLO,
}


@pytest.mark.parametrize("said", NO_QMP.values(), ids=NO_QMP)
@pytest.mark.parametrize("when", ["at first", "later"])
def test_what_is_no_qmp_is_qemus_fault_and_nothing_else(
    tmp_path: Path, said: bytes, when: str
) -> None:
    with (
        suppress(QemuError),
        _connected(tmp_path / "log", b"" if when == "later" else said) as (
            monitor,
            qemus,
        ),
    ):
        qemus.sendall(said + b"\n")
        qemus.shutdown(socket.SHUT_WR)
        with pytest.raises(QemuError):
            monitor.execute("query-status", deadline=_soon("the status"))


def test_a_message_without_end_is_qemus_fault(tmp_path: Path) -> None:
    with _connected(tmp_path / "log") as (monitor, qemus):
        thread = threading.Thread(target=_endless, args=(qemus,))
        thread.start()
        with pytest.raises(QemuError):
            monitor.wait_event("STOP", _soon("the end"))
    thread.join()


def _endless(qemus: socket.socket) -> None:
    with suppress(OSError):
        qemus.sendall(b"[" * (20 << 20))  # its limit is 10 MiB
    qemus.close()
