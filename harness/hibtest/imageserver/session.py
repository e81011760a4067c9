"""What one client asks for, from its first request until it is gone."""

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from hibtest.deadline import Deadline
from hibtest.imageserver.frames import (
    FRAME_MAGIC,
    HEADER,
    RECORD_SIZE,
    Checker,
    Nothing,
    Refusal,
)
from hibtest.imageserver.message import (
    PROTOCOL,
    Answer,
    Gone,
    Request,
    deliver,
    exactly,
    fill,
    receive,
    send,
)
from hibtest.imageserver.store import Store, Upload

_PIECE = 256 << 10  # bytes that are held in memory
_LINGER = 5.0  # s in which a refused client may read why


class What(StrEnum):
    """What can happen to an image server."""

    UPLOAD = "upload"  # a client was admitted and may send an image
    COMMITTED = "committed"  # an image was received whole and can be resumed
    LOADED = "loaded"  # the image was sent to a client, whole
    CONSUMED = "consumed"  # a client is about to resume it: it cannot be resumed again
    RETIRED = "retired"  # its machine lives, so it cannot be resumed any more
    REFUSED = "refused"  # a client was not let in, or what it asked was not done
    LOST = "lost"  # a client went away before it was done


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happened to an image server.

    :ivar t: Seconds since the server began.
    :ivar peer: The client's address.
    :ivar text: Why, for what was refused or lost.
    :ivar bytes: Bytes of the image's stream that had passed.
    """

    t: float
    what: What
    peer: str
    text: str = ""
    bytes: int = 0


Note = Callable[[What, str, int], None]  # what, text, bytes


class Session:
    """One client, whose certificate was checked, and the store."""

    def __init__(self, sock: socket.socket, store: Store, note: Note) -> None:
        self._sock = sock
        self._store = store
        self._note = note
        self._passed = 0

    def run(self) -> None:
        """Do what the client asks for; what goes wrong is noted, and told if it can be."""
        try:
            self._serve(receive(self._sock))
        except Gone as gone:
            self._note(What.LOST, str(gone), self._passed)
        except Refusal as refusal:
            self._refuse(str(refusal), nothing=isinstance(refusal, Nothing))
        except OSError as error:
            self._refuse(f"the server cannot store or read the image: {error.strerror}")

    def turn_away(self, why: str) -> None:
        """Tell a client that there is no place for it now."""
        self._refuse(why, busy=True)

    def _serve(self, request: Request) -> None:
        asked = {"save": self._save, "load": self._load, "revoke": self._revoke}
        if request.protocol != PROTOCOL or request.do not in asked:
            raise Refusal(f"no such request: {request.do!r} of protocol {request.protocol}")
        asked[request.do](request)

    def _save(self, request: Request) -> None:
        self._retire()
        with self._store.upload(request.size) as upload:
            self._note(What.UPLOAD, "", 0)
            send(self._sock, Answer(ok=True))
            record = self._receive(upload)
            upload.commit(record)
        self._note(What.COMMITTED, "", self._passed)
        try:
            send(self._sock, Answer(ok=True))
        except Gone:
            # It does not know that it may power off, so it will live on.
            self._retire()
            raise

    def _receive(self, upload: Upload) -> bytes:
        checker = Checker()
        buffer = memoryview(bytearray(_PIECE))
        while (magic := exactly(self._sock, len(FRAME_MAGIC))) == FRAME_MAGIC:
            header = magic + exactly(self._sock, HEADER.size - len(magic))
            left = checker.begin(header)
            upload.write(memoryview(header))
            while left:
                piece = buffer[: min(left, _PIECE)]
                fill(self._sock, piece)
                checker.take(piece)
                upload.write(piece)
                left -= len(piece)
            checker.end()
            self._passed = checker.stored
        record = magic + exactly(self._sock, RECORD_SIZE - len(magic))
        checker.finish(record)
        return record

    def _load(self, _request: Request) -> None:
        with self._store.image() as image:
            send(self._sock, Answer(ok=True, size=image.size))
            deliver(self._sock, image.record)
            buffer = memoryview(bytearray(_PIECE))
            while count := image.stream.readinto(buffer):
                deliver(self._sock, buffer[:count])
                self._passed += count
            self._note(What.LOADED, "", self._passed)
            request = receive(self._sock)
            if request.do != "consume":
                raise Refusal(f"no such request after load: {request.do!r}")
            self._store.consume(image.record)
        self._note(What.CONSUMED, "", self._passed)
        send(self._sock, Answer(ok=True))

    def _revoke(self, _request: Request) -> None:
        self._retire()
        send(self._sock, Answer(ok=True))

    def _retire(self) -> None:
        if self._store.retire():
            self._note(What.RETIRED, "", 0)

    def _refuse(self, why: str, *, nothing: bool = False, busy: bool = False) -> None:
        self._note(What.REFUSED, why, self._passed)
        with suppress(Gone):
            send(self._sock, Answer(ok=False, error=why, nothing=nothing, busy=busy))
        self._drain()

    # To hang up on a client that still sends makes its kernel throw the answer away, unread.
    def _drain(self) -> None:
        deadline = Deadline.after(_LINGER, "a refused client's end")
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            self._sock.settimeout(_LINGER)
            while self._sock.recv(_PIECE) and not deadline.expired:
                pass
