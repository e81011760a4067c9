"""Requests and answers between a server and its clients: JSON behind its length.

A client speaks first: ``{"protocol": 1, "do": "save", "size": N}``, ``load`` or ``revoke``. The
server answers ``{"ok": true, ...}``, or ``{"ok": false, "error": "why"}`` and hangs up. With
``"nothing": true`` besides, there is no image to load, and nothing is wrong; with ``"busy": true``
it is worth while to ask again in a while.

After ``save`` the client sends the stream and the commit record as they are, and is answered once
more. After ``load`` the server sends the record and the stream, and the client may ask to
``consume`` the image. ``revoke``: the client lives, so no image of it is to be resumed.
"""

import socket
import struct

import msgspec

PROTOCOL = 1
LIMIT = 4096

_LENGTH = struct.Struct("<I")


class Gone(Exception):
    """The client hung up, fell silent or broke off; the text says how."""


class Request(msgspec.Struct, frozen=True):
    """What a client asks for.

    :ivar size: Bytes that are likely to come; 0 when that is not known.
    """

    do: str
    protocol: int = PROTOCOL
    size: int = 0


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What it is answered.

    :ivar nothing: Whether there is no image to load, and nothing wrong.
    :ivar busy: Whether it is worth while to ask again in a while.
    :ivar size: Bytes of the stream that follows the record.
    """

    ok: bool
    error: str = ""
    nothing: bool = False
    busy: bool = False
    size: int = 0


def send(sock: socket.socket, answer: Answer) -> None:
    """Send an answer.

    :raise Gone: When the client does not take it.
    """
    text = msgspec.json.encode(answer)
    deliver(sock, _LENGTH.pack(len(text)) + text)


def deliver(sock: socket.socket, data: bytes | memoryview) -> None:
    """Send bytes.

    :raise Gone: When the client does not take them.
    """
    try:
        sock.sendall(data)
    except OSError as error:
        raise Gone(_how(sock, error)) from error


def receive(sock: socket.socket) -> Request:
    """Receive a request.

    :raise Gone: When none comes, or something that is none.
    """
    (length,) = _LENGTH.unpack(exactly(sock, _LENGTH.size))
    if length > LIMIT:
        raise Gone(f"sent a request of {length} bytes, more than {LIMIT}")
    try:
        return msgspec.json.decode(exactly(sock, length), type=Request)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Gone(f"sent no request: {error}") from error


def exactly(sock: socket.socket, size: int) -> bytes:
    """Receive so many bytes.

    :raise Gone: When they do not all come.
    """
    data = bytearray(size)
    fill(sock, memoryview(data))
    return bytes(data)


def fill(sock: socket.socket, room: memoryview) -> None:
    """Receive as many bytes as there is room for.

    :raise Gone: When they do not all come.
    """
    while room:
        try:
            count = sock.recv_into(room)
        except OSError as error:
            raise Gone(_how(sock, error)) from error
        if not count:
            raise Gone("hung up")
        room = room[count:]


def _how(sock: socket.socket, error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"was silent for {sock.gettimeout():.0f} s"
    return f"broke off: {error.strerror or error}"
