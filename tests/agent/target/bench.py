"""An image server and what its clients need."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from hibtest.agent.errors import AgentError, Unreachable
from hibtest.agent.target import server as target
from hibtest.deadline import Deadline, poll
from hibtest.imageserver import Happening, ImageServer, Keys, What
from tests.imageserver.images import Made

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Bench:
    """A server that runs, what its clients need, and what it says has happened."""

    server: ImageServer
    keys: Keys
    store: Path
    happened: list[Happening]

    @property
    def address(self) -> str:
        """Where it listens."""
        return "{}:{}".format(*self.server.address)

    def sink(self, size_hint: int = 0) -> target.ServerSink:
        """Return a sink that is connected."""
        sink = target.open_sink(self.address, str(self.keys.client))
        sink.connect(size_hint)
        return sink

    def source(self) -> target.ServerSource:
        """Return a source."""
        return target.open_source(self.address, str(self.keys.client))

    def reached(self) -> target.ServerSource:
        """Return a source, once there is a place for one more."""

        def fact() -> target.ServerSource | None:
            with suppress(Unreachable):
                return self.source()
            return None

        return poll(fact, Deadline.after(20, "a place at the server"))

    def save(self, image: Made) -> None:
        """Save an image, in pieces of odd sizes."""
        sink = self.sink(len(image.stream))
        left = memoryview(image.stream)
        size = 1
        while left:
            sink.write(left[:size])
            left, size = left[size:], size * 3 + 1
        sink.commit(image.record)
        sink.close()

    def wait_for(self, what: What) -> Happening:
        """Return the first happening of a kind."""

        def fact() -> Happening | None:
            return next((one for one in tuple(self.happened) if one.what is what), None)

        return poll(fact, Deadline.after(20, f"{what} at the server"))

    def nothing_stored(self) -> None:
        """Assert that there is no image, and nothing that could become one."""
        with pytest.raises(AgentError, match="there is no image"):
            self.source()
        assert {path.name for path in self.store.parent.iterdir()} <= {"image.hib.lock"}


def send(sink: target.ServerSink, pieces: list[bytes], commit: bytes) -> None:
    """Send all of an image: a refusal may come at any point of it."""
    for piece in pieces:
        sink.write(piece)
    sink.commit(commit)


def mixed_keys(trusted: Keys, own: Keys, path: Path) -> Path:
    """Write a client's keys that trust one authority and were signed by another."""
    after = own.client.read_bytes().removeprefix(own.authority.read_bytes())
    path.write_bytes(trusted.authority.read_bytes() + after)
    return path


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def own_process(directory: Path) -> Iterator[tuple["subprocess.Popen[str]", str, str]]:
    """Run a server as its command does; yield its process, its address and its client's keys."""
    keys = directory / "keys"
    words = ("--listen", "127.0.0.1:0", "--keys", keys, "--store", directory / "store/image.hib")
    with subprocess.Popen(
        [sys.executable, "-m", "hibtest", "image-server", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            address = next(
                line.split()[-1] for line in process.stdout if line.startswith("listening")
            )
            yield process, address, str(keys / "client.pem")
        finally:
            process.kill()
