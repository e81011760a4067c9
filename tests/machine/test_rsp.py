"""Packets: their coding, and what a stub may send that is none."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hibtest.deadline import Deadline, DeadlineExpired, wait_readable
from hibtest.errors import QemuError
from hibtest.machine.rsp import PACKET_LIMIT, Item, Kind, Link, StubGone, decode, encode, take

NOW = Deadline.after(0, "an answer")


@contextmanager
def _link() -> Iterator[tuple[Link, socket.socket]]:
    ours, stub = socket.socketpair()
    with ours, stub:
        yield Link(ours), stub


def _readable(link: Link) -> bool:
    return bool(wait_readable([link.fileno()], NOW))


@given(st.binary())
def test_what_is_encoded_is_decoded_again(payload: bytes) -> None:
    packet = encode(payload)
    assert take(packet) == (Item(Kind.PACKET, payload), len(packet))
    assert packet[1:-3].translate(None, b"#$*") == packet[1:-3]


@given(st.binary(max_size=30), st.binary(max_size=10))
def test_a_packet_is_taken_when_it_is_whole_and_no_more_than_it(
    payload: bytes, more: bytes
) -> None:
    packet = encode(payload)
    assert all(take(packet[:end]) is None for end in range(len(packet)))
    assert take(packet + more) == (Item(Kind.PACKET, payload), len(packet))


@given(st.binary(max_size=60))
def test_anything_is_an_item_or_not_yet_one_or_a_typed_error(data: bytes) -> None:
    for start in (b"", b"$"):
        with suppress(QemuError):
            taken = take(start + data)
            assert taken is None or 0 < taken[1] <= len(start + data)


@pytest.mark.parametrize(
    ("body", "payload"),
    [(b"0* ", b"0000"), (b'a0*"1', b"a0000001"), (b"}\x03*!", b"#####"), (b"x}]y", b"x}y")],
)
def test_runs_and_escapes_are_written_out(body: bytes, payload: bytes) -> None:
    assert decode(body) == payload


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"$OK#9b", "a packet whose checksum is wrong"),
        (b"$OK#zz", "a packet whose checksum is wrong"),
        (b"-", "what is no packet"),
        (b"hello", "what is no packet"),
        (b"$*!#4b", "a run of nothing"),
        (b"$a*#8b", "a packet that breaks off"),
        (b"$}#7d", "a packet that breaks off"),
        (b"$" + b"0" * PACKET_LIMIT, f"a packet of more than {PACKET_LIMIT} bytes"),
    ],
)
def test_what_is_no_packet_is_named(data: bytes, what: str) -> None:
    with pytest.raises(QemuError, match=f"stub sent {what}: b'"):
        take(data)


def test_acknowledgement_goes_out_with_the_next_command() -> None:
    with _link() as (link, stub):
        link.send(b"?")
        stub.sendall(b"+$S05#b8")
        assert [link.received(), link.received()] == [Item(Kind.ACK), Item(Kind.PACKET, b"S05")]
        assert stub.recv(100) == b"$?#3f"
        link.send(b"c")
        assert stub.recv(100) == b"+$c#63"


def test_nothing_is_taken_that_is_not_handed_on() -> None:
    with _link() as (link, stub):
        stub.sendall(b"+$OK#9a$S0")
        assert link.received() == Item(Kind.ACK)
        assert _readable(link)
        assert link.received() == Item(Kind.PACKET, b"OK")
        assert _readable(link)
        assert link.received() is None
        assert not _readable(link)
        stub.sendall(b"5#b8")
        assert _readable(link)
        assert link.received() == Item(Kind.PACKET, b"S05")


def test_notifications_are_passed_over_and_not_acknowledged() -> None:
    with _link() as (link, stub):
        stub.sendall(b"%" + encode(b"Stop:T05")[1:] + b"+")
        assert link.received() is None
        assert link.received() == Item(Kind.ACK)
        link.send(b"?")
        assert stub.recv(100) == b"$?#3f"


def test_end_in_the_midst_of_a_packet_is_the_stubs_end() -> None:
    with _link() as (link, stub):
        stub.sendall(b"$T05")
        stub.close()
        with pytest.raises(StubGone):
            link.receive(Deadline.after(60, "the end"))
        with pytest.raises(StubGone):
            link.send(b"?")


def test_stub_that_says_nothing_whole_is_waited_for_no_longer_than_asked() -> None:
    with _link() as (link, stub):
        stub.sendall(b"$T05")
        with pytest.raises(DeadlineExpired, match="an answer did not come"):
            link.receive(Deadline.after(0.05, "an answer"))
        stub.sendall(b"#b9")
        assert link.receive(Deadline.after(60, "the rest")) == Item(Kind.PACKET, b"T05")


def test_stub_that_never_reads_is_an_error() -> None:
    with _link() as (link, _), pytest.raises(QemuError, match="takes no commands"):
        link.send(bytes(1 << 24))
