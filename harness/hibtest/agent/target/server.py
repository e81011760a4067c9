"""An image server as the target of an image, and as where it is resumed from.

    sink = open_sink("10.0.2.2:7000", "/dev/disk/by-id/virtio-keys")
    sink.connect(size_hint)   # connects: nothing was stopped yet
    sink.write(frames)        # while user space is frozen, on the same connection
    sink.commit(record)       # the server has checked it all and has it on its disk
    sink.close()

The server refuses a stream that is not what its frames and its record say; what was sent until
then is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hibtest.agent.device import SnapshotDevice
from hibtest.agent.errors import AgentError
from hibtest.agent.guardian.journal import Journal
from hibtest.agent.image.format import USED
from hibtest.agent.target.connection import TIMEOUT, Connection, parse_address
from hibtest.agent.target.keys import ClientKeys, read_keys
from hibtest.linux.pages import PAGE

RECORD_SIZE = 4096
COMMIT_TIMEOUT = 120.0  # s that the server may take until all is on its disk


def open_sink(address: str, keys: str, *, timeout: float = TIMEOUT) -> ServerSink:
    """Return the sink that sends an image to a server; connects to nothing yet.

    :param address: ``HOST:PORT``.
    :param keys: A file or disk with the client's keys.
    :param timeout: Seconds that each operation may take.
    :raise AgentError: When the address or the keys cannot be used.
    """
    return ServerSink(parse_address(address), read_keys(keys), timeout)


def open_source(address: str, keys: str, *, timeout: float = TIMEOUT) -> ServerSource:
    """Connect to a server and return its image.

    :raise NoImage: When the server has none, or none any more.
    :raise AgentError: When the server cannot be reached, or its image cannot be resumed.
    """
    connection = Connection(parse_address(address), read_keys(keys), timeout, do="load")
    return ServerSource(connection, lambda: undo({"address": address, "keys": keys}))


def undo(args: dict[str, Any]) -> None:
    """Have an image that was sent, or is being sent, never be resumed: this machine lives on.

    Journal this just before :meth:`ServerSink.commit`, with ``address`` and ``keys``. A commit
    whose answer is lost leaves an image that is good, and that nobody may resume any more.

    :raise AgentError: When the server cannot be told.
    """
    try:
        connection = Connection(
            parse_address(args["address"]), read_keys(args["keys"]), TIMEOUT, do="revoke"
        )
    except AgentError as error:
        raise AgentError(
            f"there may be an image of this machine that must not be resumed: {error.args[0]}",
            "boot with noresume, or remove the image on the server",
        ) from error
    connection.close()


class ServerSink:
    """Sends an image to a server; made by :func:`open_sink`."""

    def __init__(self, address: tuple[str, int], keys: ClientKeys, timeout: float) -> None:
        self._address = address
        self._keys = keys
        self._timeout = timeout
        self._connection: Connection | None = None

    def prepare(self, _device: SnapshotDevice, pages: int, _journal: Journal) -> None:
        """See :class:`hibtest.agent.target.Sink`."""
        self.connect(pages * PAGE)

    def connect(self, size_hint: int) -> None:
        """Connect, and have the server ready for an image of about this size.

        An image that the server still has of this machine cannot be resumed from here on.

        :raise AgentError: When the server cannot be reached, or refuses.
        """
        self._connection = Connection(
            self._address, self._keys, self._timeout, do="save", size=size_hint
        )

    def facts(self) -> dict[str, Any]:
        """Return where the server is."""
        return {"server": "{}:{}".format(*self._address)}

    def write(self, data: memoryview | bytes) -> None:
        """Send a piece of the stream.

        :raise AgentError: When the server refuses what came so far, or does not take more.
        """
        self._connected().send(data)

    def commit(self, record: bytes) -> None:
        """Send the commit record and wait until the server has all on its disk.

        :raise AgentError: When the server refuses, or does not answer: see :func:`undo`.
        """
        connection = self._connected()
        connection.send(record)
        connection.answer(COMMIT_TIMEOUT)

    def close(self) -> None:
        """Hang up; minds no connection that is dead."""
        if self._connection is not None:
            self._connection.close()

    def _connected(self) -> Connection:
        if self._connection is None:
            raise AgentError("the image server is not connected")
        return self._connection


class ServerSource:
    """Receives an image from a server; made by :func:`open_source`."""

    def __init__(self, connection: Connection, revoke: Callable[[], None]) -> None:
        self._connection = connection
        self._revoke = revoke
        self._left = connection.size
        self._record: bytes | None = None

    def record(self) -> bytes:
        """Return the commit record: 4096 bytes.

        :raise AgentError: When the server breaks off.
        """
        if self._record is None:
            self._record = self._connection.receive(RECORD_SIZE)
        return self._record

    def read(self, size: int) -> bytes:
        """Return so many bytes of the stream, in order; fewer only at its end.

        :raise AgentError: When the server breaks off.
        """
        self.record()
        data = self._connection.receive(min(size, self._left))
        self._left -= len(data)
        return data

    @property
    def at(self) -> int | None:
        """A server does not say where it keeps an image."""
        return None

    def mark(self, state: bytes) -> None:
        """Consume the image, or, when it is to be refused, have it revoked."""
        if state == USED:
            self.consume()
        else:
            self._revoke()

    def consume(self) -> None:
        """Have the server never give this image again; it is sure of that when this returns.

        :raise AgentError: When the server refuses or breaks off: the image must not be resumed.
        """
        if self._left:
            raise AgentError(f"{self._left} bytes of the image were not read")
        self._connection.request(do="consume")

    def close(self) -> None:
        """Hang up; minds no connection that is dead."""
        self._connection.close()
