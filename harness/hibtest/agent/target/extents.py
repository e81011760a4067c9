"""A stream of bytes over extents of a block device."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from hibtest.agent.target.block import Block
from hibtest.linux.pages import PAGE


class Extent(NamedTuple):
    """Pages that follow each other: the first one's offset on the device, and their bytes."""

    offset: int
    size: int


class Writer:
    """Writes a stream, one buffer at a time, to where ``more`` says there is room.

    :param more: Called with how many bytes were placed before; returns the next room.
    :ivar extents: Where all that was written lies.
    """

    def __init__(self, block: Block, more: Callable[[int], Extent]) -> None:
        self.extents: list[Extent] = []
        self._block = block
        self._more = more
        self._room = Extent(0, 0)
        self._fill = 0
        self._placed = 0

    def write(self, data: bytes | memoryview) -> None:
        """Take more of the stream."""
        data = memoryview(data)
        while data:
            part = data[: self._block.room - self._fill]
            self._block.buffer[self._fill : self._fill + len(part)] = part
            self._fill += len(part)
            data = data[len(part) :]
            if self._fill == self._block.room:
                self._drain(self._fill)

    def flush(self) -> None:
        """Write what is left, filled up to a page with zeros."""
        size = -(-self._fill // PAGE) * PAGE
        self._block.buffer[self._fill : size] = bytes(size - self._fill)
        self._drain(size)

    def _drain(self, size: int) -> None:
        data = self._block.buffer[:size]
        while data:
            if not self._room.size:
                self._room = self._more(self._placed)
            part = data[: self._room.size]
            self._block.write(part, self._room.offset)
            self._note(Extent(self._room.offset, len(part)))
            self._room = Extent(self._room.offset + len(part), self._room.size - len(part))
            self._placed += len(part)
            data = data[len(part) :]
        self._fill = 0

    def _note(self, extent: Extent) -> None:
        last = self.extents[-1] if self.extents else Extent(0, 0)
        if last.offset + last.size == extent.offset:
            self.extents[-1] = Extent(last.offset, last.size + extent.size)
        else:
            self.extents.append(extent)


class Reader:
    """Reads a stream back from its extents, which are asked for as they are needed.

    :ivar at: Where on the device the last read began.
    """

    def __init__(self, block: Block, extents: Iterable[Extent]) -> None:
        self._block = block
        self._extents = iter(extents)
        self._left = Extent(0, 0)
        self._have = memoryview(b"")
        self._end = 0  # of what is at hand
        self.at: int | None = None

    def read(self, size: int) -> bytes:
        """Return so many bytes, fewer only at the end."""
        parts: list[bytes] = []
        while size:
            if not self._have and not self._load():
                break
            if not parts:
                self.at = self._end - len(self._have)
            part = self._have[:size]
            self._have = self._have[len(part) :]
            parts.append(bytes(part))
            size -= len(part)
        return b"".join(parts)

    def _load(self) -> bool:
        if not self._left.size:
            self._left = next(self._extents, self._left)
        offset, size = self._left
        wanted = min(size, self._block.room)
        self._left = Extent(offset + wanted, size - wanted)
        got = self._block.read(self._block.buffer[:wanted], offset)
        self._have = self._block.buffer[:got]
        self._end = offset + got
        return got > 0
