"""An image on a block device of its own: the record in its first page, the stream behind it."""

from __future__ import annotations

from typing import Any

from harness.agent.device import SnapshotDevice
from harness.agent.errors import AgentError
from harness.agent.target.block import PAGE, Block
from harness.agent.target.extents import Extent, Reader, Writer


class RawSink:
    """See :class:`harness.agent.target.Sink`."""

    def __init__(self, path: str, buffer_pages: int) -> None:
        self._block = Block(path, buffer_pages, alone=True)
        self._writer = Writer(self._block, self._more)

    def prepare(self, _device: SnapshotDevice, _pages: int) -> None:
        """An older image is none any more from now on."""
        self._block.write_page(bytes(PAGE), 0)

    def facts(self) -> dict[str, Any]:
        """Return the device and its size."""
        return {"device": self._block.path, "mib": self._block.size >> 20}

    def write(self, data: bytes | memoryview) -> None:
        """Take more of the stream."""
        self._writer.write(data)

    def commit(self, record: bytes) -> None:
        """Write the record."""
        self._writer.flush()
        self._block.flush()
        self._block.write_page(record, 0)

    def close(self) -> None:
        """Close the device."""
        self._block.close()

    def _more(self, offset: int) -> Extent:
        first = offset + PAGE
        left = (self._block.size - first) // PAGE * PAGE
        if left <= 0:
            raise AgentError(
                f"{self._block.path}: its {self._block.size >> 20} MiB are full",
                "take a larger device, or compress",
                28,
            )
        return Extent(first, left)


class RawSource:
    """See :class:`harness.agent.target.Source`."""

    def __init__(self, path: str, *, readonly: bool = False) -> None:
        self._block = Block(path, readonly=readonly)
        end = -(-self._block.size // PAGE) * PAGE  # a file may end within a page
        self._reader = Reader(self._block, [Extent(PAGE, end - PAGE)])

    def record(self) -> bytes:
        """Return the first page."""
        return self._block.read_page(0)

    def read(self, size: int) -> bytes:
        """Return more of the stream."""
        return self._reader.read(size)

    def mark(self, state: bytes) -> None:
        """Change the record's state on the medium."""
        self._block.write_page(state + self.record()[len(state) :], 0)

    def close(self) -> None:
        """Close the device."""
        self._block.close()
