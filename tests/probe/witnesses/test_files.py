"""Witnesses behind descriptors: planted for real, looked at, spoilt, and looked at again."""

import errno
import fcntl
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hibtest.probe import pages
from hibtest.probe.base import Lacking
from hibtest.probe.witnesses import files
from tests.probe.tree import Tree
from tests.probe.witnesses.looking import Looked, kept


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Any]]:
    """Return what a function of os or socket gives out since this was asked for."""
    return lambda name: kept(monkeypatch, socket if hasattr(socket, name) else os, name)


def test_a_file_without_a_name(run: Path, opened: Callable[[str], list[Any]]) -> None:
    given = opened("open")
    witness = Looked("unlinked-file", files.unlinked)
    fd = given[0]
    assert witness.planted["size"] == 16 * pages.SIZE
    assert witness.planted["links"] == 0
    assert list((run.parent / "disk").iterdir()) == []
    os.pwrite(fd, b"\xff", 5 * pages.SIZE)
    assert [text.split()[0] for text in witness.wrong()] == ["crc"]
    os.pwrite(fd, b"\0", 5 * pages.SIZE)
    assert witness.wrong() == ()
    os.lseek(fd, 1, os.SEEK_CUR)
    assert witness.wrong() == ("offset was 12345, is 12346",)
    os.ftruncate(fd, 100)
    assert "size was 65536, is 100" in witness.wrong()


def test_a_pipe_is_filled_anew_by_each_look(opened: Callable[[str], list[Any]]) -> None:
    given = opened("pipe2")
    witness = Looked("pipe", files.pipe)
    (reader, writer), *_ = given
    assert witness.planted["bytes"] == files.FLIGHT
    for _ in range(3):
        assert witness.wrong() == ()
    os.read(reader, 1)
    assert witness.wrong()[0].startswith("bytes was 12388, is 12387")
    assert witness.wrong() == ()
    os.write(writer, b"!")
    assert witness.found()["bytes"] == files.FLIGHT + 1
    assert len(os.read(reader, 1 << 16)) == files.FLIGHT
    os.write(writer, bytes(files.FLIGHT))
    assert [text.split()[0] for text in witness.wrong()] == ["crc"]


def test_a_pipe_that_lost_all_is_looked_at(opened: Callable[[str], list[Any]]) -> None:
    given = opened("pipe2")
    witness = Looked("pipe", files.pipe)
    os.read(given[0][0], 1 << 16)
    assert witness.found() == {"bytes": 0, "crc": 0}


def test_a_descriptor_in_flight(run: Path, opened: Callable[[str], list[Any]]) -> None:
    given = opened("socketpair")
    witness = Looked("descriptor-in-flight", files.descriptor)
    one, other = given[0]
    assert (witness.planted["bytes"], witness.planted["descriptors"]) == (pages.SIZE, 1)
    assert list(run.iterdir()) == []
    # the same message, its descriptor lost on the way
    message, fds, _, _ = socket.recv_fds(other, 1 << 16, 4)
    spoilt = fds[0]
    one.send(message)
    found = witness.found()
    assert (found["descriptors"], found["file_crc"]) == (0, None)
    # and the same, of a file whose content is another one
    other.recv(1 << 16)
    os.pwrite(spoilt, b"\xff", 0)
    socket.send_fds(one, [message], [spoilt])
    assert [text.split()[0] for text in witness.wrong()] == ["file_crc"]
    os.close(spoilt)
    assert witness.wrong() == ()


def test_no_look_leaves_a_descriptor_open(run: Path) -> None:
    witnesses = [
        Looked("descriptor-in-flight", files.descriptor),
        Looked("locks", files.locks),
        Looked("memfd", files.memfd),
    ]
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for witness in witnesses * 3:
        assert witness.wrong() == ()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_an_event_counter(opened: Callable[[str], list[Any]]) -> None:
    given = opened("eventfd")
    witness = Looked("eventfd", files.eventfd)
    assert witness.planted == {"value": 7}
    os.eventfd_write(given[0], 2)
    assert witness.wrong() == ("value was 7, is 9",)
    os.eventfd_read(given[0])
    with pytest.raises(BlockingIOError) as refused:
        witness.found()
    assert refused.value.errno == errno.EAGAIN


def test_an_older_python_lacks_event_counters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "eventfd")
    with pytest.raises(Lacking, match=r"no os\.eventfd"):
        files.eventfd()


def test_a_memory_file_with_seals(opened: Callable[[str], list[Any]]) -> None:
    given = opened("memfd_create")
    witness = Looked("memfd", files.memfd)
    fd = given[0]
    assert witness.planted["seals"] == fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
    with pytest.raises(PermissionError):
        os.ftruncate(fd, 0)
    os.pwrite(fd, b"\xff" * 2, 3 * pages.SIZE - 1)
    assert witness.found()["differing"] == 2
    assert witness.wrong()[0].startswith("2 of 16 pages differ, the first is page 2 ")
    os.pwrite(fd, pages.content(16, 14), 0)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
    assert [text.split()[0] for text in witness.wrong()] == ["seals"]


def test_locks_of_both_kinds(run: Path, opened: Callable[[str], list[Any]]) -> None:
    given = opened("open")
    witness = Looked("locks", files.locks)
    flock, posix = given[:2]
    assert [text.split()[0] for text in witness.planted["locks"]] == ["FLOCK", "POSIX"]
    assert witness.planted["locks"][1].endswith(" 10 109")
    assert witness.planted["refused"] is True
    fcntl.lockf(posix, fcntl.LOCK_UN, 1, 109)
    assert witness.found()["locks"][1].endswith(" 10 108")
    fcntl.flock(flock, fcntl.LOCK_UN)
    found = witness.found()
    assert (len(found["locks"]), found["refused"]) == (1, False)


LOCKS = """\
1: FLOCK  ADVISORY  WRITE 240 00:18:{one} 0 EOF
1: -> FLOCK  ADVISORY  WRITE 241 00:18:{one} 0 EOF
2: POSIX  ADVISORY  WRITE 240 00:18:{two} 10 109
3: POSIX  ADVISORY  READ 99 fe:00:1{one} 128 128
4: LEASE  ACTIVE    READ 99 fe:00:77 0 EOF
"""


def test_others_locks_are_not_ours(
    tree: Tree, run: Path, opened: Callable[[str], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "flock_refused", lambda: True)
    tree.put("/proc/locks", "")
    given = opened("open")
    witness = Looked("locks", files.locks)
    one, two = (os.fstat(fd).st_ino for fd in given[:2])
    tree.put("/proc/locks", LOCKS.format(one=one, two=two))
    assert witness.found()["locks"] == [
        f"FLOCK ADVISORY WRITE 240 00:18:{one} 0 EOF",
        f"POSIX ADVISORY WRITE 240 00:18:{two} 10 109",
    ]
