"""The server of cases, at a real socket: answers, the log, and how the case ended."""

import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from hibtest.probe import syscalls
from hibtest.probe.detached import child
from hibtest.probe.snapshotdev import server

pytestmark = pytest.mark.usefixtures("ending")


@pytest.fixture
def link(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> socket.socket:
    """A connection to a server; the kernel's log is a file."""
    log = tmp_path / "kmsg"
    log.write_bytes(b"")
    real = os.open
    monkeypatch.setattr(
        os, "open", lambda path, *rest: real(log if path == "/dev/kmsg" else path, *rest)
    )
    monkeypatch.setattr(server, "said", lambda _: iter(["PM: said"]))
    monkeypatch.setattr(syscalls.LIBC, "mlockall", lambda _: 0, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        child(lambda: server.serve(listener))
        return socket.create_connection(listener.getsockname(), timeout=60)


def lines(link: socket.socket, case: bytes) -> list[dict[str, Any]]:
    with link, link.makefile("r") as text:
        link.sendall(case)
        return [json.loads(line) for line in text]


def case(*steps: str, limit: int = 60) -> bytes:
    return json.dumps({"steps": steps, "limit": limit}).encode() + b"\n"


def test_each_step_has_an_answer(link: socket.socket) -> None:
    assert lines(link, case("FREEZE", "see /proc/sys/kernel/ostype", "close")) == [
        {"answer": "EBADF"},
        {"answer": "Linux"},
        {"answer": "EBADF"},
        {"log": ["PM: said"]},
        {"ended": 0},
    ]


def test_a_case_that_dies_is_told_by_its_status(link: socket.socket) -> None:
    assert lines(link, case("start a", "die", "start b")) == [{"answer": "S"}, {"ended": 9}]


def test_a_case_that_takes_too_long_is_ended(link: socket.socket) -> None:
    # nobody puts a process that sleeps into this state; it is waited for
    found = lines(link, case("start a", "becomes a X", limit=1))
    assert found == [{"answer": "S"}, {"ended": signal.SIGALRM}]


@pytest.mark.parametrize("text", [case("FREEZE", "thaw"), case(""), b"", b"{\n", b"[]\n"])
def test_a_case_that_cannot_be_read_is_not_begun(
    link: socket.socket, text: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with link:
        link.sendall(text)
        link.shutdown(socket.SHUT_WR)
        assert b"".join(iter(lambda: link.recv(1 << 16), b"")) == b""


def test_a_long_line_is_written_whole() -> None:
    reader, writer = os.pipe()
    pid = child(lambda: server.tell(writer, answer="x" * 300_000))
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert json.loads(pipe.readline()) == {"answer": "x" * 300_000}
    os.waitpid(pid, 0)


def test_what_was_overwritten_meanwhile_is_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    records: list[bytes | OSError] = [
        b"4,339,5140900,-;one\n", BrokenPipeError(32, "overwritten"),
        b"4,340,5140901,-;t\xffo; more\n KEY=x\n", BlockingIOError(11, "no more"),
    ]  # fmt: skip

    def read(_fd: int, size: int) -> bytes:
        assert size == 8192
        record = records.pop(0)
        if isinstance(record, OSError):
            raise record
        return record

    monkeypatch.setattr(os, "read", read)
    assert list(server.said(0)) == ["one", "t\ufffdo; more"]
