"""Those who have connected and not shown a certificate yet: many, and none of them for long.

Whoever can reach the port can connect and say nothing. That costs a thread and a socket, for as
long as a handshake may take; when there are too many, the oldest goes of the address that has
most. Places at the server are for those who have shown their certificate.
"""

import socket
import threading
from collections import Counter
from contextlib import suppress

MOST = 64


class Door:
    """Sockets in their handshakes, the oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[socket.socket, str] = {}

    def enter(self, sock: socket.socket, address: str) -> str | None:
        """Let somebody wait; return the address of whoever was sent away for it."""
        with self._lock:
            gone = self._make_room() if len(self._waiting) >= MOST else None
            self._waiting[sock] = address
            return gone

    def leave(self, sock: socket.socket) -> None:
        """Let go of somebody, whatever came of it; closes the socket."""
        with self._lock:
            self._waiting.pop(sock, None)
        sock.close()

    def shut(self) -> None:
        """Send all of them away."""
        with self._lock:
            for sock in self._waiting:
                _hang_up(sock)

    def _make_room(self) -> str:
        [(most, _)] = Counter(self._waiting.values()).most_common(1)
        oldest = next(sock for sock, address in self._waiting.items() if address == most)
        del self._waiting[oldest]
        _hang_up(oldest)
        return most


def _hang_up(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
