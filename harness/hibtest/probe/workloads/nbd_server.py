"""A server of one network block device, kept in a file (the NBD project's doc/proto.md)."""

from __future__ import annotations

import os
import socket
import struct

GREETING, OPTION_MAGIC, REPLY_MAGIC = b"NBDMAGIC", b"IHAVEOPT", 0x3E889045565A9
REQUEST_MAGIC, ANSWER_MAGIC = 0x25609513, 0x67446698
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
HAS_FLAGS, SEND_FLUSH = 1, 4
EXPORT_NAME, ABORT, GO = 1, 2, 7
ACK, INFO, UNSUPPORTED = 1, 3, 0x80000001
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
EINVAL = 22
REQUEST, ANSWER = struct.Struct(">IHHQQI"), struct.Struct(">IIQ")


def serve(listener: socket.socket, disk: int, size: int) -> None:
    """Serve one client after the other, for ever."""
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client:
            try:
                if greet(client, size):
                    transmit(client, disk)
            except ConnectionError:
                continue  # it hung up


def greet(client: socket.socket, size: int) -> bool:
    """Agree on the export; return whether the client wants it."""
    client.sendall(GREETING + OPTION_MAGIC + struct.pack(">H", FIXED_NEWSTYLE | NO_ZEROES))
    flags = int.from_bytes(receive(client, 4), "big")
    export = struct.pack(">QH", size, HAS_FLAGS | SEND_FLUSH)
    while True:
        _, option, length = struct.unpack(">8sII", receive(client, 16))
        receive(client, length)
        if option == EXPORT_NAME:
            client.sendall(export + (b"" if flags & NO_ZEROES else bytes(124)))
            return True
        if option == GO:
            reply(client, option, INFO, struct.pack(">H", 0) + export)
            reply(client, option, ACK)
            return True
        reply(client, option, ACK if option == ABORT else UNSUPPORTED)
        if option == ABORT:
            return False


def reply(client: socket.socket, option: int, kind: int, data: bytes = b"") -> None:
    client.sendall(struct.pack(">QIII", REPLY_MAGIC, option, kind, len(data)) + data)


def transmit(client: socket.socket, disk: int) -> None:
    """Carry out requests until the client disconnects."""
    while True:
        magic, _, kind, handle, offset, length = REQUEST.unpack(receive(client, REQUEST.size))
        if magic != REQUEST_MAGIC or kind == DISCONNECT:
            return
        number, data = 0, b""
        if kind == READ:
            data = os.pread(disk, length, offset).ljust(length, b"\0")
        elif kind == WRITE:
            os.pwrite(disk, receive(client, length), offset)
        elif kind == FLUSH:
            os.fdatasync(disk)
        else:
            number = EINVAL
        client.sendall(ANSWER.pack(ANSWER_MAGIC, number, handle) + data)


def receive(client: socket.socket, size: int) -> bytes:
    """Return so many bytes.

    :raise ConnectionError: When the other end hung up.
    """
    parts = bytearray()
    while len(parts) < size:
        part = client.recv(size - len(parts))
        if not part:
            raise ConnectionError("hung up")
        parts += part
    return bytes(parts)
