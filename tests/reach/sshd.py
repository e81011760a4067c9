"""A real SSH server on a real socket, which runs commands on this machine."""

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_CONNECT_FAILED,
    OPEN_SUCCEEDED,
)

_CHUNK = 65536


def key_at(path: Path) -> paramiko.Ed25519Key:
    """Return the private key in a file, which is made if it is not there."""
    if not path.exists():
        data = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        )
        path.write_bytes(data)
    return paramiko.Ed25519Key.from_private_key_file(str(path))


def public(key: paramiko.PKey) -> str:
    """Return a key's public half as a line of text."""
    return f"{key.get_name()} {key.get_base64()}"


def listener(port: int = 0) -> socket.socket:
    """Return a listening socket on 127.0.0.1."""
    return socket.create_server(("127.0.0.1", port))


@dataclass
class Sshd:
    """A server; clients that hold ``client`` may log in.

    :ivar stuck: When set, requests to run a command are never answered.
    """

    host: paramiko.Ed25519Key
    client: paramiko.Ed25519Key
    listening: socket.socket
    stuck: bool = False
    links: list[socket.socket] = field(default_factory=list)
    commands: list[subprocess.Popen[bytes]] = field(default_factory=list)
    unstick: threading.Event = field(default_factory=threading.Event)

    @property
    def port(self) -> int:
        return int(self.listening.getsockname()[1])

    @property
    def host_key(self) -> str:
        return public(self.host)

    def serve(self) -> None:
        while True:
            try:
                link, _ = self.listening.accept()
            except OSError:
                return  # the listening socket was closed
            self.links.append(link)
            transport = paramiko.Transport(link)
            transport.add_server_key(self.host)
            # with an event it does not wait for the handshake
            transport.start_server(threading.Event(), _Policy(self, transport))

    def die(self) -> None:
        """End all connections as a machine does that is gone."""
        for link in self.links:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # gone already

    def stop(self) -> None:
        self.unstick.set()
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.die()
        for command in self.commands:
            command.kill()
            command.wait()


class _Policy(paramiko.ServerInterface):
    def __init__(self, server: Sshd, transport: paramiko.Transport) -> None:
        self._server = server
        self._transport = transport

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        good = username == "root" and key.asbytes() == self._server.client.asbytes()
        return AUTH_SUCCESSFUL if good else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        try:
            far = socket.create_connection(destination)
        except OSError:
            return OPEN_FAILED_CONNECT_FAILED
        threading.Thread(target=self._relay, args=(far,), daemon=True).start()
        return OPEN_SUCCEEDED

    def _relay(self, far: socket.socket) -> None:
        channel = self._transport.accept()
        # either end may be gone at any time
        with far, suppress(OSError, EOFError):
            if channel is None:
                return
            far.sendall(channel.recv(_CHUNK))
            while data := far.recv(_CHUNK):
                channel.sendall(data)
            channel.close()

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        if self._server.stuck:
            self._server.unstick.wait()
        threading.Thread(target=self._run, args=(channel, command), daemon=True).start()
        return True

    def _run(self, channel: paramiko.Channel, command: bytes) -> None:
        # input, or its end, comes after the client has got the reply to its request: a command
        # that is quicker than that reply would confuse it
        first = channel.recv(_CHUNK)
        process = subprocess.Popen(
            ["sh", "-c", command],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._server.commands.append(process)
        _serve(channel, process, first)


def _serve(channel: paramiko.Channel, process: subprocess.Popen[bytes], first: bytes) -> None:
    stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
    assert stdin is not None
    assert stdout is not None
    assert stderr is not None
    feeder = threading.Thread(target=_feed, args=(channel, stdin, first), daemon=True)
    copiers = [
        threading.Thread(target=_copy, args=(stdout, channel.sendall)),
        threading.Thread(target=_copy, args=(stderr, channel.sendall_stderr)),
    ]
    for thread in (feeder, *copiers):
        thread.start()
    for thread in copiers:
        thread.join()
    status = process.wait()
    try:
        if status >= 0:  # as sshd: who is killed by a signal has no status
            channel.send_exit_status(status)
        channel.close()
    except EOFError:
        return  # the client is gone


def _feed(channel: paramiko.Channel, stdin: IO[bytes], data: bytes) -> None:
    with stdin:
        try:
            while data:
                stdin.write(data)
                data = channel.recv(_CHUNK)
        except BrokenPipeError:
            return  # the command reads no more


def _copy(source: IO[bytes], send: Callable[[bytes], None]) -> None:
    with source:
        try:
            while data := os.read(source.fileno(), _CHUNK):
                send(data)
        except (OSError, EOFError):
            return  # the client is gone


@contextmanager
def sshd(directory: Path, listening: socket.socket) -> Iterator[Sshd]:
    """Run a server; its key is in ``directory/host``, the client's in ``directory/id``."""
    server = Sshd(key_at(directory / "host"), key_at(directory / "id"), listening)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
