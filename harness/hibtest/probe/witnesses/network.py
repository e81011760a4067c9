"""Witnesses in the network: a TCP connection with data in flight, interfaces and routes."""

from __future__ import annotations

import fcntl
import select
import socket
import struct
import time

from hibtest.probe import pages, procfs
from hibtest.probe.base import Facts, Planted, Witness, as_found

# include/uapi/linux/sockios.h
SIOCGIFADDR, SIOCGIFNETMASK, SIOCGIFFLAGS = 0x8915, 0x891B, 0x8913
# Small buffers: a backlog on both sides of the connection is there at once.
BUFFER = 32 << 10
DRAIN = 2.0


class Stream:
    """One direction of a connection: known bytes, by their place in the stream."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source = source
        self.sink = sink
        self.sent = 0
        self.received = 0

    def fill(self) -> None:
        """Send until nothing more fits into the buffers of either side."""
        try:
            while True:
                self.sent += self.source.send(expected(self.sent, BUFFER))
        except BlockingIOError:
            return

    def drain(self) -> int | None:
        """Receive all that was sent; return where the first wrong byte was."""
        wrong = None
        end = procfs.until(DRAIN)
        while self.received < self.sent and time.monotonic() < end:
            if not select.select([self.sink], [], [], end - time.monotonic())[0]:
                break
            data = self.sink.recv(BUFFER)
            if not data:
                break
            if wrong is None and data != expected(self.received, len(data)):
                wrong = self.received
            self.received += len(data)
        return wrong

    def unread(self) -> int:
        """Return how many bytes the receiver has not read (SIOCINQ)."""
        return int(struct.unpack("i", fcntl.ioctl(self.sink, 0x541B, b"\0" * 4))[0])

    def look(self) -> Facts:
        """Receive what is in flight, and send anew."""
        unread, before = self.unread(), self.received
        wrong = self.drain()
        flight = {"unread": unread, "flight": self.sent - before, "sent": self.sent}
        found = {**flight, "received": self.received, "wrong_at": wrong}
        self.fill()
        return found


def expected(start: int, size: int) -> bytes:
    """Return the bytes of a stream from a place on."""
    at = start % len(pages.NOISE)
    return (pages.NOISE + pages.NOISE)[at : at + size]


def tcp() -> Planted:
    """A TCP connection over loopback, full of data in both directions.

    Planted and found: ``{"there": facts, "back": facts, "ports"}``, where facts are
    ``{"unread"}`` in the receiver's queue, ``"flight"`` (unread, and unsent as well), and since
    the beginning ``"sent"``, ``"received"``, with ``"wrong_at"`` the place of the first wrong
    byte. Each look receives all that is in flight and sends anew.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
    for side in (client, server):
        side.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        side.setblocking(False)
    there, back = Stream(client, server), Stream(server, client)

    def look() -> Facts:
        ports = [client.getsockname()[1], client.getpeername()[1]]
        return {"there": there.look(), "back": back.look(), "ports": ports}

    there.fill()
    back.fill()
    return Planted(look(), look)


@as_found
def interfaces() -> Facts:
    """Interfaces with their IPv4 addresses, and routes.

    Planted and found: ``{"interfaces": {name: {"address", "netmask", "flags", "mtu", "mac",
    "operstate"}}, "routes": lines}``.
    """
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for _, name in socket.if_nameindex():
            found[name] = {
                "address": address(asked, SIOCGIFADDR, name),
                "netmask": address(asked, SIOCGIFNETMASK, name),
                "flags": interface_flags(asked, name),
                "mtu": procfs.read_or(f"/sys/class/net/{name}/mtu", ""),
                "mac": procfs.read_or(f"/sys/class/net/{name}/address", ""),
                "operstate": procfs.read_or(f"/sys/class/net/{name}/operstate", ""),
            }
    lines = procfs.read_or("/proc/net/route", "").splitlines()[1:]
    # Without use counts: destination, gateway, flags, metric, mask.
    routes = sorted(" ".join(line.split()[i] for i in (0, 1, 2, 3, 6, 7)) for line in lines)
    return {"interfaces": found, "routes": routes}


def interface_flags(asked: socket.socket, name: str) -> int:
    reply = fcntl.ioctl(asked, SIOCGIFFLAGS, struct.pack("16sH14x", name.encode(), 0))
    return int(struct.unpack_from("16xH", reply)[0])


def address(asked: socket.socket, request: int, name: str) -> str | None:
    try:
        reply = fcntl.ioctl(asked, request, struct.pack("16s24x", name.encode()))
    except OSError:
        return None  # an interface without an IPv4 address
    return socket.inet_ntoa(reply[20:24])


WITNESSES = (Witness("tcp", tcp), Witness("network", interfaces))
