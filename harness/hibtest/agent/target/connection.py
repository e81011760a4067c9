"""The connection to an image server: TLS, requests and answers, each within a time limit.

hibtest/imageserver/message.py describes what is said.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
import struct
from contextlib import suppress
from typing import Any

from hibtest.agent.errors import AgentError, NoImage, Unreachable
from hibtest.agent.target.keys import ClientKeys, client_context

SERVER_NAME = "image-server.hibtest"  # in every server's certificate, whatever its address
PROTOCOL = 1
TIMEOUT = 20.0  # s that an operation may take

_LENGTH = struct.Struct("<I")
_ANSWER_LIMIT = 4096
_Address = tuple[str, int]


def parse_address(text: str) -> _Address:
    """Return host and port of ``HOST:PORT``; an IPv6 address stands in brackets.

    :raise AgentError: When it is no such thing.
    """
    host, colon, port = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise AgentError(f"image server {text!r} is not HOST:PORT", "such as 10.0.2.2:7000")
    return host, int(port)


class Refused(AgentError):
    """The server said no, and why."""


class Connection:
    """A connection on which one request was made and granted.

    :ivar size: Bytes of the stream that follows, as the server says.
    """

    def __init__(self, address: _Address, keys: ClientKeys, timeout: float, **request: Any) -> None:
        self._name = f"image server {address[0]}:{address[1]}"
        self._poll = select.poll()
        self._socket: ssl.SSLSocket | None = None
        try:
            self._socket = self._connect(address, client_context(keys), timeout)
            self._poll.register(self._socket, select.POLLIN)
            self.size = int(self.request(**request).get("size", 0))
        except AgentError:
            self.close()
            raise

    def _connect(self, address: _Address, context: ssl.SSLContext, timeout: float) -> ssl.SSLSocket:
        try:
            plain = socket.create_connection(address, timeout)
        except OSError as error:
            raise Unreachable(
                f"{self._name} does not answer: {error.strerror or error}",
                "is it running, and is the network up?",
            ) from error
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A server that is gone acknowledges nothing: without this, that takes 15 minutes.
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(timeout * 1000))
            return context.wrap_socket(plain, server_hostname=SERVER_NAME)
        except OSError as error:
            plain.close()
            raise self._broken(error) from error

    def request(self, **request: Any) -> dict[str, Any]:
        """Ask for something and return the server's answer.

        :raise AgentError: When it refuses, or does not answer in time.
        """
        text = json.dumps({"protocol": PROTOCOL, **request}).encode()
        self.send(_LENGTH.pack(len(text)) + text)
        return self.answer()

    def send(self, data: bytes | memoryview) -> None:
        """Send bytes.

        :raise AgentError: When the server has refused, broken off, or does not take them.
        """
        try:
            if self._poll.poll(0):  # the server speaks out of turn only to refuse
                self.answer()
            self._open().sendall(data)
        except OSError as error:
            raise self._refused_or(error) from error

    def answer(self, timeout: float | None = None) -> dict[str, Any]:
        """Receive the server's answer to what was asked.

        :raise NoImage: When an image was asked for, and there is none.
        :raise AgentError: When it refuses, or does not answer in time.
        """
        if timeout is not None:
            self._open().settimeout(timeout)
        (length,) = _LENGTH.unpack(self.receive(_LENGTH.size))
        if length > _ANSWER_LIMIT:
            raise AgentError(f"{self._name} answered {length} bytes, more than {_ANSWER_LIMIT}")
        try:
            answer = json.loads(self.receive(length))
        except ValueError as error:
            raise AgentError(f"{self._name} did not answer in JSON: {error}") from error
        if not (isinstance(answer, dict) and answer.get("ok") is True):
            raise self._refusal(answer)
        return answer

    def receive(self, size: int) -> bytes:
        """Receive so many bytes.

        :raise AgentError: When they do not all come in time.
        """
        data = bytearray(size)
        room = memoryview(data)
        while room:
            try:
                count = self._open().recv_into(room)
            except OSError as error:
                raise self._broken(error) from error
            if not count:
                raise Unreachable(f"{self._name} hung up")
            room = room[count:]
        return bytes(data)

    def close(self) -> None:
        """Hang up; waits for nothing, and minds no connection that is dead."""
        if self._socket is not None:
            with suppress(OSError):  # the descriptor is gone all the same
                self._socket.close()
            self._socket = None

    def _open(self) -> ssl.SSLSocket:
        if self._socket is None:
            raise AgentError(f"{self._name}: the connection is closed")
        return self._socket

    def _refusal(self, answer: object) -> AgentError:
        told = answer if isinstance(answer, dict) else {"error": answer}
        kinds = {"nothing": NoImage, "busy": Unreachable}
        kind = next((kinds[name] for name in kinds if told.get(name) is True), Refused)
        return kind(f"{self._name} refuses: {told.get('error')}")

    # A server that refuses says why before it hangs up; that may have come already.
    def _refused_or(self, error: OSError) -> AgentError:
        try:
            if self._poll.poll(0):
                self.answer()
        except Refused as refusal:
            return refusal
        except AgentError:
            pass
        return self._broken(error)

    def _broken(self, error: OSError) -> AgentError:
        if isinstance(error, ssl.SSLCertVerificationError):
            return AgentError(
                f"{self._name} is not the one of these keys: {error.verify_message}",
                "keys and server must be of one making; is the clock right?",
            )
        if isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or ""):
            return AgentError(
                f"{self._name} refuses these keys: {error.reason}",
                "keys and server must be of one making; is the clock right?",
            )
        if isinstance(error, socket.timeout):
            return Unreachable(
                f"{self._name} did not answer in time", "is it, or the network, busy?"
            )
        return Unreachable(f"the connection to {self._name} broke: {error.strerror or error}")
