"""Events as lines of JSON in a file: events.jsonl of a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hibtest.events import Event, Sink, to_line


def to_stream(stream: BinaryIO) -> Sink:
    """Return a sink that writes each event to a binary stream at once."""

    def send(event: Event) -> None:
        stream.write(to_line(event))
        stream.flush()

    return send


@contextmanager
def to_file(path: Path) -> Iterator[Sink]:
    """Open a file and yield a sink that writes to it."""
    with path.open("wb") as stream:
        yield to_stream(stream)
