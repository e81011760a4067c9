"""Workloads without a guest: the shape of FUSE's messages, and nbd over a real socket."""

import errno
import json
import os
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from hibtest.probe.__main__ import main
from hibtest.probe.base import ProbeError
from hibtest.probe.detached import child
from hibtest.probe.workloads import disks
from hibtest.probe.workloads import fuse_protocol as fuse
from hibtest.probe.workloads import nbd_server as nbd
from hibtest.probe.workloads.table import PLANT
from hibtest.spec import (
    Attach,
    FullSwap,
    FuseDirty,
    GuestSpec,
    LoopOnFuse,
    MuchMemory,
    Nbd,
    Scenario,
    SwapOnLoopOnFuse,
    Workload,
)
from hibtest.spec.needs import needs_of

SIZE = 1 << 16
ALL: tuple[Workload, ...] = (
    FuseDirty(),
    LoopOnFuse(),
    SwapOnLoopOnFuse(),
    *(Nbd(attach=attach) for attach in Attach),
    MuchMemory(),
    MuchMemory(locked=True),
    FullSwap(),
)


def test_every_workload_can_be_set_up() -> None:
    assert {one.name for one in ALL} == set(PLANT)


@pytest.mark.parametrize("load", ALL, ids=lambda one: one.name)
def test_a_workload_whose_kernel_lacks_something_names_the_option(
    load: Workload,
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One of those that the table of needs has for it."""

    def fails(*_: object) -> NoReturn:
        raise OSError(errno.ENOSYS, "it has not")

    monkeypatch.setattr(disks, "SYS_MODULE", run / "none")
    monkeypatch.setattr(os, "memfd_create", fails)
    monkeypatch.setattr(disks, "run", lambda *_: disks_fail())
    scenario = Scenario(name="one", guest=GuestSpec(kernel="own"), workloads=(load,))
    assert main(["workload", load.name]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    needed = {option for need in needs_of(scenario) for option in need.options}
    assert error["kind"] == "lacking"
    assert error["option"] in needed - {"ACPI", "SMP", "HOTPLUG_CPU", "CRYPTO_LZO", "CRYPTO_LZ4"}


def disks_fail() -> NoReturn:
    raise ProbeError("program", "modprobe: status 1")


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (fuse.init_out(fuse.WRITEBACK_CACHE), 64),
        (fuse.entry(2, 5), 128),
        (fuse.attr_out(1, 4096), 104),
        (bytes(fuse.IN.size), 40),
        (bytes(fuse.OUT.size), 16),
        (bytes(fuse.WRITE_IN.size), 40),
        (bytes(fuse.STATFS_OUT.size), 80),
    ],
    ids=["init", "entry", "attr", "in", "out", "write", "statfs"],
)
def test_messages_are_as_long_as_the_kernels(data: bytes, size: int) -> None:
    assert len(data) == size  # include/uapi/linux/fuse.h, 6.1 to 7.3


@pytest.fixture
def client(tmp_path: Path) -> Iterator[socket.socket]:
    disk = os.open(tmp_path / "disk", os.O_RDWR | os.O_CREAT)
    os.ftruncate(disk, SIZE)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pid = child(lambda: nbd.serve(listener, disk, SIZE))
        with socket.create_connection(listener.getsockname(), timeout=10) as link:
            assert nbd.receive(link, 18)[:16] == nbd.GREETING + nbd.OPTION_MAGIC
            link.sendall(struct.pack(">I", nbd.NO_ZEROES))
            yield link
    os.close(disk)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def option(link: socket.socket, number: int, data: bytes = b"") -> None:
    link.sendall(nbd.OPTION_MAGIC + struct.pack(">II", number, len(data)) + data)


def answer(link: socket.socket) -> tuple[int, bytes]:
    _, _, kind, length = struct.unpack(">QIII", nbd.receive(link, 20))
    return kind, nbd.receive(link, length)


def test_nbd_keeps_what_is_written(client: socket.socket) -> None:
    option(client, 99)
    assert answer(client)[0] == nbd.UNSUPPORTED
    option(client, nbd.GO, struct.pack(">IH", 0, 0))
    kind, info = answer(client)
    assert (kind, struct.unpack(">HQH", info)[1]) == (nbd.INFO, SIZE)
    assert answer(client) == (nbd.ACK, b"")
    for kind, handle, length, data in (
        (nbd.WRITE, 7, 5, b"hello"),
        (nbd.FLUSH, 8, 0, b""),
        (nbd.READ, 9, 5, b""),
    ):
        client.sendall(nbd.REQUEST.pack(nbd.REQUEST_MAGIC, 0, kind, handle, 4096, length) + data)
        magic, number, echoed = nbd.ANSWER.unpack(nbd.receive(client, nbd.ANSWER.size))
        assert (magic, number, echoed) == (nbd.ANSWER_MAGIC, 0, handle)
    assert nbd.receive(client, 5) == b"hello"


def test_nbd_answers_what_it_does_not_know_with_an_error(client: socket.socket) -> None:
    option(client, nbd.EXPORT_NAME)
    assert struct.unpack(">QH", nbd.receive(client, 10))[0] == SIZE
    client.sendall(nbd.REQUEST.pack(nbd.REQUEST_MAGIC, 0, 77, 1, 0, 0))
    assert nbd.ANSWER.unpack(nbd.receive(client, nbd.ANSWER.size))[1] == nbd.EINVAL
