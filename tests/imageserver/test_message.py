"""Requests that are none end their connection, and no more."""

import socket
import struct

import pytest

from hibtest.imageserver.message import Gone, receive


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b'{"do": 3}',
        b'{"do": "\xff"}',
        b'{"x": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    ],
)
def test_what_is_no_request(body: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(struct.pack("<I", len(body)) + body)
        with pytest.raises(Gone, match="sent no request"):
            receive(ours)
