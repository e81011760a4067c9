"""The debugger against a stub that misbehaves; what it says stands ready before it is asked."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hibtest.deadline import Deadline, DeadlineExpired
from hibtest.errors import QemuError
from hibtest.machine.breakpoint import Debugger, Stop
from hibtest.machine.registers import registers
from hibtest.machine.rsp import StubGone, encode

SOON = Deadline.after(600, "the answer")


def _answers(*payloads: bytes) -> bytes:
    return b"".join(b"+" + encode(payload) for payload in payloads)


@contextmanager
def _debugger(sent: bytes) -> Iterator[tuple[Debugger, socket.socket]]:
    ours, stub = socket.socketpair()
    with ours, stub:
        stub.sendall(sent)
        yield Debugger(ours), stub


def _late() -> Deadline:
    return Deadline.after(0.01, "the answer")


def test_a_late_answer_is_not_taken_for_that_of_the_next_command() -> None:
    with _debugger(b"") as (debugger, stub):
        for _ in range(2):
            with pytest.raises(DeadlineExpired):
                debugger.vcpus(_late())
        stub.sendall(_answers(b"m1,2", b"m01", b"l"))
        assert debugger.vcpus(SOON) == (1,)


def test_a_late_acknowledgement_is_no_stop() -> None:
    with _debugger(b"") as (debugger, stub):
        with pytest.raises(DeadlineExpired):
            debugger.resume(_late())
        stub.sendall(b"+")
        assert debugger.stopped() is None
        stub.sendall(encode(b"T05thread:02;"))
        assert debugger.stopped() == Stop(thread=2, signal=5)


def test_a_stop_that_came_late_is_not_lost() -> None:
    with _debugger(b"+") as (debugger, stub):
        debugger.resume(SOON)
        with pytest.raises(DeadlineExpired):
            debugger.pause(_late())
        stub.sendall(encode(b"T02thread:01;"))
        assert debugger.pause(SOON) == Stop(thread=1, signal=2)
        assert stub.recv(100) == b"$c#63\x03"


def test_a_breakpoint_that_is_quicker_than_the_pause_is_told() -> None:
    with _debugger(b"+" + encode(b"T05thread:02;")) as (debugger, stub):
        debugger.resume(SOON)
        assert debugger.pause(SOON) == Stop(thread=2, signal=5)
        assert stub.recv(100) == b"$c#63"


def test_a_vcpu_is_led_past_the_breakpoint_it_came_to() -> None:
    at = bytes(16 * 8) + (0x1234).to_bytes(8, "little") + bytes(100)
    stop = b"T05thread:02;"
    sent = _answers(b"OK", stop, b"OK", at.hex().encode(), b"OK", stop, b"OK") + b"+"
    with _debugger(sent) as (debugger, stub):
        debugger.stop_at(0x1234, SOON)
        debugger.resume(SOON)
        debugger.wait(SOON)
        debugger.resume(SOON)
        said = [part[:-2] for part in stub.recv(1000).replace(b"+", b"").split(b"$")[1:]]
    commands = b"Z1,1234,1# c# Hg2# g# z1,1234,1# vCont;s:2# Z1,1234,1# c#"
    assert said == commands.split()


@pytest.mark.parametrize("end", [b"W00", b"X09"])
def test_farewell_is_the_stubs_end(end: bytes) -> None:
    with _debugger(b"+" + encode(end)) as (debugger, _):
        debugger.resume(SOON)
        with pytest.raises(StubGone):
            debugger.stopped()


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (_answers(b"E22"), "refused Z1,1000,1: it said 'E22'"),
        (_answers(b""), "refused Z1,1000,1: it does not know the command"),
        (b"+-", "what is no packet: b'-'"),
        (b"+$OK#00", "a packet whose checksum is wrong"),
        (b"++", "sent ACK in place of PACKET"),
        (encode(b"OK"), "sent PACKET in place of ACK"),
    ],
)
def test_refusals_and_nonsense_are_told(sent: bytes, message: str) -> None:
    with _debugger(sent) as (debugger, _), pytest.raises(QemuError) as caught:
        debugger.stop_at(0x1000, SOON)
    assert message in caught.value.message


@pytest.mark.parametrize("said", [b"OK", b"T", b"Tzz", b"T05thread:x;", b"\xff", b""])
def test_a_stop_that_cannot_be_read_is_told(said: bytes) -> None:
    with _debugger(b"+" + encode(said)) as (debugger, _):
        debugger.resume(SOON)
        with pytest.raises(QemuError, match="QEMU's gdb stub"):
            debugger.wait(SOON)


@pytest.mark.parametrize(("said", "thread"), [(b"S05", 1), (b"T05", 1), (b"T05a:1;thread:3", 3)])
def test_stops_in_few_words(said: bytes, thread: int) -> None:
    with _debugger(b"+" + encode(said)) as (debugger, _):
        debugger.resume(SOON)
        assert debugger.wait(SOON) == Stop(thread=thread, signal=5)


@pytest.mark.parametrize(
    ("answer", "message"), [(b"00" * 3, "3 bytes of memory, not 4"), (b"0g", "no hexadecimal data")]
)
def test_memory_that_is_not_what_was_asked_for_is_told(answer: bytes, message: str) -> None:
    sent = _answers(b"OK", answer)
    with _debugger(sent) as (debugger, _), pytest.raises(QemuError, match=message):
        debugger.read(0, 4, SOON)


def test_too_few_registers_are_told() -> None:
    with pytest.raises(QemuError, match=r"gave 100 bytes of registers, not 236 or more"):
        registers(bytes(100))
