"""Witnesses in System V IPC and in the network."""

import ctypes
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from hibtest.probe import pages, syscalls
from hibtest.probe.base import Lacking
from hibtest.probe.witnesses import ipc, network
from tests.probe.tree import Tree
from tests.probe.witnesses.looking import Looked

IPC_RMID = 0


@pytest.fixture
def sysv() -> Iterator[Looked]:
    """System V IPC that is removed afterwards: it would outlive this process."""
    witness = Looked("sysv-ipc", ipc.sysv)
    try:
        yield witness
    finally:
        shm, msg, sem = witness.planted["ids"]
        syscalls.LIBC.shmctl(shm, IPC_RMID, None)
        syscalls.LIBC.msgctl(msg, IPC_RMID, None)
        syscalls.LIBC.semctl(sem, 0, IPC_RMID)


def test_semaphores_and_shared_memory(sysv: Looked) -> None:
    shm, _, sem = sysv.planted["ids"]
    assert sysv.planted["semaphores"] == list(ipc.VALUES)
    syscalls.LIBC.semctl(sem, 1, ipc.SETVAL, ctypes.c_long(2))
    assert sysv.wrong() == ("semaphores was [3, 1, 250], is [3, 2, 250]",)
    syscalls.LIBC.semctl(sem, 1, ipc.SETVAL, ctypes.c_long(1))
    assert sysv.wrong() == ()
    start = syscalls.LIBC.shmat(shm, None, 0)
    ctypes.memset(start + ipc.SIZE - 1, 0xFE, 1)
    assert [text.split()[0] for text in sysv.wrong()] == ["memory_crc"]
    syscalls.LIBC.shmdt(ctypes.c_void_p(start))


def test_a_message_is_sent_anew_by_each_look(sysv: Looked) -> None:
    queue = sysv.planted["ids"][1]
    message = ipc.receive(queue)
    assert len(message) == 2000
    with pytest.raises(OSError, match="msgrcv"):
        ipc.receive(queue)
    ipc.send(queue, bytes([1, *[0] * 7]) + message[:-1])
    assert [text.split()[0] for text in sysv.wrong()] == ["message_crc"]
    assert sysv.wrong() == ()


def test_a_queue_that_is_gone_is_an_error(sysv: Looked) -> None:
    syscalls.LIBC.msgctl(sysv.planted["ids"][1], IPC_RMID, None)
    with pytest.raises(OSError, match="msgrcv"):
        sysv.found()


def test_a_c_library_without_it_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syscalls, "LIBC", object())
    with pytest.raises(Lacking, match="no System V IPC"):
        ipc.sysv()


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """Both ends of a connection that is made from now on."""
    found: list[socket.socket] = []

    class Watched(network.Stream):
        def __init__(self, source: socket.socket, sink: socket.socket) -> None:
            super().__init__(source, sink)
            found.append(source)

    monkeypatch.setattr(network, "Stream", Watched)
    return found


def test_a_connection_is_full_in_both_directions(sockets: list[socket.socket]) -> None:
    witness = Looked("tcp", network.tcp)
    for _ in range(2):
        found = witness.found()
        for way in ("there", "back"):
            assert found[way]["sent"] == found[way]["received"] > 0
            assert 0 < found[way]["unread"] <= found[way]["flight"]
            assert found[way]["wrong_at"] is None
    assert found["ports"] == witness.planted["ports"]
    assert found["there"]["sent"] > witness.planted["there"]["sent"]


def test_bytes_that_are_lost_are_found(
    sockets: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "DRAIN", 0.1)
    witness = Looked("tcp", network.tcp)
    client, _ = sockets
    client.recv(10)  # what the server sent
    wrong = witness.wrong()
    assert any(text.startswith("back: the byte at ") for text in wrong)
    assert not any(text.startswith("there") for text in wrong)


def test_a_connection_that_was_cut_is_found(
    sockets: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = Looked("tcp", network.tcp)
    client, server = sockets
    while True:
        try:
            server.recv(1 << 16)
        except BlockingIOError:
            break
    monkeypatch.setattr(network, "DRAIN", 0.05)
    found = witness.found()
    assert found["there"]["received"] < found["there"]["sent"]
    client.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        witness.found()


def test_where_a_wrong_byte_is() -> None:
    source, sink = socket.socketpair()
    stream = network.Stream(source, sink)
    for data, wrong in (
        (network.expected(0, 100), None),
        (network.expected(100, 50)[:-1] + b"\0\0", 100),
    ):
        source.send(data)
        stream.sent += len(data)
        assert stream.drain() == wrong
    assert (stream.sent, stream.received) == (151, 151)
    source.close()
    sink.close()


def test_a_stream_goes_round_the_noise() -> None:
    size = len(pages.NOISE)
    assert network.expected(0, size) == pages.NOISE
    assert network.expected(size - 3, 6) == pages.NOISE[-3:] + pages.NOISE[:3]
    assert network.expected(5 * size + 7, 9) == pages.NOISE[7:16]


def test_loopback_is_an_interface() -> None:
    found = network.interfaces().facts["interfaces"]["lo"]
    assert found["address"] == "127.0.0.1"
    assert found["netmask"] == "255.0.0.0"
    assert found["flags"] & 8  # IFF_LOOPBACK
    assert found["mac"] == "00:00:00:00:00:00"


def test_an_interface_that_went_down_is_found(
    recorded: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = {"eth0": 0x1043}
    monkeypatch.setattr(socket, "if_nameindex", lambda: list(enumerate(flags, 1)))
    monkeypatch.setattr(network, "interface_flags", lambda _, name: flags[name])
    monkeypatch.setattr(network, "address", lambda *_: "10.0.2.15")
    recorded.put("/sys/class/net/eth0/operstate", "up\n")
    witness = Looked("network", network.interfaces)
    eth0 = witness.planted["interfaces"]["eth0"]
    assert (eth0["operstate"], eth0["mtu"]) == ("up", "")
    assert "eth0 00000000 0202000A 0003 0 00000000" in witness.planted["routes"]
    recorded.put("/sys/class/net/eth0/operstate", "down\n")
    assert len(witness.wrong()) == 1
    recorded.put("/sys/class/net/eth0/operstate", "up\n")
    assert witness.wrong() == ()
    flags["eth0"] = 0x1002
    assert len(witness.wrong()) == 1


def test_how_often_a_route_was_used_does_not_count(recorded: Tree, monkeypatch: Any) -> None:
    monkeypatch.setattr(socket, "if_nameindex", list)
    witness = Looked("network", network.interfaces)
    recorded.edit("/proc/net/route", "0202000A\t0003\t0\t0\t0", "0202000A\t0003\t7\t9\t0")
    assert witness.wrong() == ()
    recorded.edit("/proc/net/route", "0202000A\t0003\t7\t9\t0", "0202000A\t0003\t7\t9\t4")
    assert len(witness.wrong()) == 1
    recorded.drop("/proc/net/route")
    assert witness.found()["routes"] == []
