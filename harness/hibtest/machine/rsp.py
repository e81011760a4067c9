"""Packets of the gdb remote serial protocol (RSP), over a connected socket.

gdb's manual, appendix E ("Remote Protocol"), describes it: ``$payload#checksum``, and ``+`` as
the acknowledgement of each packet. QEMU's stub (gdbstub/, 7.2 to 10.0) knows no mode without
acknowledgements, never waits for one, and takes *any* byte that reaches a running guest for a
request to stop it. So an acknowledgement goes out with the next command: the guest is stopped then.
"""

import re
import socket
from dataclasses import dataclass
from enum import Enum

from hibtest.deadline import Deadline, wait_readable
from hibtest.errors import QemuError

PACKET_LIMIT = 1 << 18  # bytes; QEMU's own end at 131104 (gdbstub/internals.h, QEMU 10.0)
_TO_ESCAPE = re.compile(rb"[#$*}]")
_ESCAPE_BIT = 0x20
_RUN_BASE = 29  # the code of a run's count is so much higher than the count
_TAIL = 3  # bytes: "#" and two digits
_SHOWN = 40  # bytes of what cannot be understood


class StubGone(QemuError):
    """The stub has hung up: QEMU ended, perhaps because the guest powered off."""

    def __init__(self) -> None:
        super().__init__("QEMU's gdb stub has hung up")


class Kind(Enum):
    """What stands on the wire, by its first byte."""

    ACK = b"+"
    PACKET = b"$"
    NOTICE = b"%"  # a notification: nobody asked for it, nobody acknowledges it


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was received.

    :ivar payload: Decoded; empty for an acknowledgement.
    """

    kind: Kind
    payload: bytes = b""


def encode(payload: bytes) -> bytes:
    """Return the packet that carries a payload."""
    body = _TO_ESCAPE.sub(lambda found: b"}%c" % (found[0][0] ^ _ESCAPE_BIT), payload)
    return b"$%b#%02x" % (body, sum(body) & 0xFF)


def decode(body: bytes) -> bytes:
    """Return the payload in a packet's body: escapes undone, runs written out.

    :raise QemuError: When an escape or a run is not whole.
    """
    payload = bytearray()
    rest = iter(body)
    for byte in rest:
        if byte not in b"}*":
            payload.append(byte)
            continue
        follower = next(rest, None)
        if follower is None:
            raise _trouble("a packet that breaks off", body)
        if byte == ord("}"):
            payload.append(follower ^ _ESCAPE_BIT)
        elif payload and follower > _RUN_BASE:
            payload += payload[-1:] * (follower - _RUN_BASE)
        else:
            raise _trouble("a run of nothing", body)
    return bytes(payload)


def take(data: bytes) -> tuple[Item, int] | None:
    """Return the first item in ``data`` and its length in bytes; ``None`` while it is not whole.

    :raise QemuError: When it is none, its checksum is wrong, or it is too long.
    """
    if not data:
        return None
    if data[:1] == b"+":
        return Item(Kind.ACK), 1
    if data[:1] not in {b"$", b"%"}:
        raise _trouble("what is no packet", data)
    end = data.find(b"#")
    if end < 0 or len(data) < end + _TAIL:
        if len(data) > PACKET_LIMIT:
            raise _trouble(f"a packet of more than {PACKET_LIMIT} bytes", data)
        return None
    body, digits = data[1:end], data[end + 1 : end + _TAIL]
    if digits.lower() != b"%02x" % (sum(body) & 0xFF):
        raise _trouble("a packet whose checksum is wrong", data[: end + _TAIL])
    return Item(Kind(data[:1]), decode(body)), end + _TAIL


class Link:
    """The client's end of a connection to a stub.

    It takes from the socket no more than it hands on, so that the socket can be read exactly
    when something is to be had.

    :param sock: A connected stream socket; it belongs to the link from now on.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._begun = b""  # the beginning of a packet whose end has not come
        self._unacknowledged = b""

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._sock.fileno()

    def send(self, payload: bytes) -> None:
        """Send a packet, and the acknowledgement of what was received before.

        :raise StubGone: When the stub has hung up.
        :raise QemuError: When it takes nothing.
        """
        data, self._unacknowledged = self._unacknowledged + encode(payload), b""
        self.send_raw(data)

    def send_raw(self, data: bytes) -> None:
        """Send bytes that are no packet.

        :raise StubGone: When the stub has hung up.
        :raise QemuError: When it takes nothing.
        """
        try:
            self._sock.sendall(data)
        except BlockingIOError as error:
            raise QemuError("QEMU's gdb stub takes no commands") from error
        except OSError as error:
            raise StubGone from error

    def received(self) -> Item | None:
        """Return the next item, ``None`` when no whole one is there; does not wait.

        Notifications are passed over.

        :raise StubGone: When the stub has hung up.
        :raise QemuError: When what it sent is no item.
        """
        item = self._taken()
        if item is None or item.kind is Kind.NOTICE:
            return None
        if item.kind is Kind.PACKET:
            self._unacknowledged = b"+"
        return item

    def receive(self, deadline: Deadline) -> Item:
        """Wait for the next item.

        :raise StubGone: When the stub has hung up.
        :raise QemuError: When what it sent is no item.
        :raise DeadlineExpired: When no whole item came in time.
        """
        while (item := self.received()) is None:
            deadline.check()
            wait_readable([self.fileno()], deadline)
        return item

    def _taken(self) -> Item | None:
        try:
            data = self._sock.recv(PACKET_LIMIT, socket.MSG_PEEK)
        except BlockingIOError:
            return None
        except OSError as error:
            raise StubGone from error
        if not data:
            raise StubGone
        taken = take(self._begun + data)
        if taken is None:
            self._begun += self._sock.recv(len(data))
            return None
        item, size = taken
        self._sock.recv(size - len(self._begun))
        self._begun = b""
        return item


def _trouble(what: str, data: bytes) -> QemuError:
    return QemuError(f"QEMU's gdb stub sent {what}: {data[:_SHOWN]!r}")
