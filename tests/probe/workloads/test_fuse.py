"""The FUSE server, asked by a kernel that is a socket: each of its messages is read as one."""

import errno
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hibtest.probe.workloads import fuse_protocol as fuse
from hibtest.probe.workloads.fuse_server import Server

NODE = fuse.ROOT + 1


class Kernel:
    """The other end of /dev/fuse."""

    def __init__(self, store: Path) -> None:
        self.device, self.link = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.link.settimeout(60)
        self.server = Server(self.device.fileno(), store)
        self.unique = 100

    def ask(self, opcode: int, node: int = fuse.ROOT, body: bytes = b"") -> tuple[int, bytes]:
        """Return the errno and the reply to a request."""
        self.unique += 1
        head = fuse.IN.pack(fuse.IN.size + len(body), opcode, self.unique, node, 0, 0, 7, 0)
        self.server.answer(head + body)
        answer = self.link.recv(1 << 20)
        length, number, unique = fuse.OUT.unpack_from(answer)
        assert (length, unique) == (len(answer), self.unique)
        return -number, answer[fuse.OUT.size :]

    def create(self, name: bytes) -> int:
        """Create a file; return its node."""
        body = fuse.CREATE_IN.pack(os.O_RDWR, 0o600, 0, 0) + name + b"\0"
        number, reply = self.ask(fuse.CREATE, body=body)
        assert (number, len(reply)) == (0, 128 + 16)
        return int(fuse.ENTRY.unpack_from(reply)[0])

    def write(self, node: int, offset: int, data: bytes) -> int:
        """Write; return how many bytes were."""
        number, reply = self.ask(
            fuse.WRITE, node, fuse.WRITE_IN.pack(0, offset, len(data), 0, 0, 0, 0) + data
        )
        assert (number, len(reply)) == (0, 8)
        return int(struct.unpack("<II", reply)[0])

    def read(self, node: int, offset: int, size: int) -> bytes:
        """Read."""
        return self.ask(fuse.READ, node, fuse.READ_IN.pack(0, offset, size, 0, 0, 0, 0))[1]

    def attributes(self, node: int) -> tuple[Any, ...]:
        """Return struct fuse_attr."""
        number, reply = self.ask(fuse.GETATTR, node, bytes(16))
        assert (number, len(reply)) == (0, 104)
        return fuse.ATTR.unpack_from(reply, fuse.ATTR_OUT.size)


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    found = Kernel(tmp_path)
    with found.device, found.link:
        yield found
    for fd in found.server.files:
        os.close(fd)


@pytest.mark.parametrize(
    ("offered", "taken"),
    [(0xFFFFFFFF, fuse.WRITEBACK_CACHE | fuse.BIG_WRITES), (fuse.WRITEBACK_CACHE, 1 << 16), (0, 0)],
)
def test_of_what_the_kernel_offers_the_cache_is_taken(
    kernel: Kernel, offered: int, taken: int
) -> None:
    # struct fuse_init_in: major, minor, max_readahead, flags
    number, reply = kernel.ask(fuse.INIT, 0, struct.pack("<4I", 7, 38, 131072, offered) + bytes(48))
    major, minor, _, flags, *_, max_write, _ = struct.unpack_from("<IIIIHHII", reply)
    assert (number, major, minor, flags, max_write) == (0, 7, 31, taken, fuse.MAX_WRITE)


def test_a_file_keeps_what_is_written(kernel: Kernel, tmp_path: Path) -> None:
    node = kernel.create(b"file")
    assert kernel.write(node, 4, b"hello") == 5
    assert kernel.read(node, 0, 100) == b"\0\0\0\0hello"
    assert kernel.read(node, 6, 2) == b"ll"
    assert kernel.read(node, 9, 10) == b""
    assert (tmp_path / "file").read_bytes() == b"\0\0\0\0hello"
    assert kernel.ask(fuse.FSYNC, node, bytes(16)) == (0, b"")


def test_no_more_is_written_than_the_request_says(kernel: Kernel) -> None:
    node = kernel.create(b"file")
    body = fuse.WRITE_IN.pack(0, 0, 3, 0, 0, 0, 0) + b"abcdef"
    assert kernel.ask(fuse.WRITE, node, body)[1] == struct.pack("<II", 3, 0)
    assert kernel.read(node, 0, 10) == b"abc"


def test_files_have_nodes_of_their_own(kernel: Kernel) -> None:
    one, two = kernel.create(b"one"), kernel.create(b"two")
    assert [one, two] == [NODE, NODE + 1]
    kernel.write(two, 0, b"2")
    assert (kernel.read(one, 0, 9), kernel.read(two, 0, 9)) == (b"", b"2")
    assert kernel.create(b"two") == two  # it is there
    assert kernel.read(two, 0, 9) == b"2"
    number, reply = kernel.ask(fuse.LOOKUP, body=b"two\0")
    assert (number, fuse.ENTRY.unpack_from(reply)[0]) == (0, two)
    assert kernel.ask(fuse.LOOKUP, body=b"three\0") == (errno.ENOENT, b"")


@pytest.mark.parametrize(
    ("size", "blocks"), [(0, 0), (1, 1), (512, 1), (513, 2), (4096, 8), (5000, 10)]
)
def test_a_file_is_set_to_a_size(kernel: Kernel, size: int, blocks: int) -> None:
    node = kernel.create(b"file")
    kernel.write(node, 0, b"abc")
    body = fuse.SETATTR_IN.pack(fuse.FATTR_SIZE, 0, 0, size) + bytes(64)
    assert kernel.ask(fuse.SETATTR, node, body)[0] == 0
    found = kernel.attributes(node)
    assert (found[0], found[1], found[2]) == (node, size, blocks)
    assert found[9] == 0o100644


def test_other_attributes_leave_the_size(kernel: Kernel) -> None:
    node = kernel.create(b"file")
    kernel.write(node, 0, b"abc")
    kernel.ask(fuse.SETATTR, node, fuse.SETATTR_IN.pack(1, 0, 0, 0) + bytes(64))  # FATTR_MODE
    assert kernel.attributes(node)[1] == 3


def test_the_root_is_a_directory(kernel: Kernel) -> None:
    assert kernel.attributes(fuse.ROOT)[9] == 0o40755
    for opcode in (fuse.OPENDIR, fuse.OPEN):
        assert kernel.ask(opcode) == (0, bytes(16))
    for opcode in (fuse.READDIR, fuse.RELEASEDIR, fuse.FLUSH, fuse.RELEASE, fuse.DESTROY):
        assert kernel.ask(opcode) == (0, b"")
    blocks, free = struct.unpack_from("<2Q", kernel.ask(fuse.STATFS)[1])
    assert blocks > free > 0


def test_what_is_not_known_is_not_implemented(kernel: Kernel) -> None:
    assert kernel.ask(22, body=b"security.selinux\0") == (errno.ENOSYS, b"")  # GETXATTR


@pytest.mark.parametrize("opcode", sorted(fuse.SILENT))
def test_some_requests_have_no_reply(kernel: Kernel, opcode: int) -> None:
    kernel.server.answer(fuse.IN.pack(48, opcode, 1, NODE, 0, 0, 0, 0) + bytes(8))
    assert kernel.ask(fuse.FLUSH) == (0, b"")  # the first that is received


@pytest.mark.parametrize("number", [errno.ENOSPC, None])
def test_an_error_of_the_store_is_an_answer(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, number: int | None
) -> None:
    node = kernel.create(b"file")

    def refuse(*_: object) -> int:
        raise OSError(number, "no") if number else OSError("odd")

    monkeypatch.setattr(os, "pwrite", refuse)
    body = fuse.WRITE_IN.pack(0, 0, 1, 0, 0, 0, 0) + b"a"
    assert kernel.ask(fuse.WRITE, node, body) == (number or errno.EIO, b"")


def test_a_server_serves_until_it_is_unmounted(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = fuse.IN.pack(40, fuse.FLUSH, 9, fuse.ROOT, 0, 0, 0, 0)
    numbers = iter([errno.ENOENT, errno.EINTR, errno.EAGAIN, 0, errno.ENODEV])

    def read(_fd: int, size: int) -> bytes:
        assert size >= fuse.MAX_WRITE + fuse.IN.size + fuse.WRITE_IN.size
        if number := next(numbers):
            raise OSError(number, "no")
        return request

    monkeypatch.setattr(os, "read", read)
    kernel.server.serve()
    assert fuse.OUT.unpack(kernel.link.recv(100)) == (16, 0, 9)
    numbers = iter([errno.EPERM])
    with pytest.raises(PermissionError):
        kernel.server.serve()


def test_a_reply_that_nobody_waits_for_is_dropped(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = fuse.IN.pack(40, fuse.FLUSH, 9, fuse.ROOT, 0, 0, 0, 0)
    wrote: list[bytes] = []

    def write(_fd: int, data: bytes) -> int:
        wrote.append(data)
        raise OSError([errno.ENOENT, errno.EINVAL][len(wrote) - 1], "no")

    monkeypatch.setattr(os, "write", write)
    kernel.server.answer(request)
    with pytest.raises(OSError, match="no"):
        kernel.server.answer(request)
    assert len(wrote) == 2
