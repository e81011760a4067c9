"""An image on a block device of its own: the record in its first page, the stream behind it."""

from __future__ import annotations

import base64
from typing import Any

from hibtest.agent.device import SnapshotDevice
from hibtest.agent.errors import AgentError, BadImage, NoImage
from hibtest.agent.guardian.journal import Journal
from hibtest.agent.image.format import COMMITTED, FRAME_MAGIC, REFUSED, USED, Record
from hibtest.agent.target.block import Block, open_block
from hibtest.agent.target.extents import Extent, Reader, Writer
from hibtest.agent.target.holds import holds
from hibtest.linux.pages import PAGE


class RawSink:
    """See :class:`hibtest.agent.target.Sink`."""

    def __init__(self, path: str, buffer_pages: int, *, overwrite: bool = False) -> None:
        """Open it.

        :raise AgentError: When it cannot be had, or holds something that is not to be lost.
        """
        self._block = open_block(path, buffer_pages, alone=True)
        try:
            _require_empty(self._block, overwrite=overwrite)
        except AgentError:
            self.close()
            raise
        self._writer = Writer(self._block, self._more)

    def prepare(self, _device: SnapshotDevice, _pages: int, journal: Journal) -> None:
        """An older image is none any more from now on."""
        page, behind = self._block.read_page(0), self._block.read_page(PAGE)
        journal.add("replaced", path=self._block.path, page=_text(page), behind=_text(behind))
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


def _require_empty(block: Block, *, overwrite: bool) -> None:
    if overwrite:
        return
    page = block.read_page(0)
    waits = page.startswith(COMMITTED)
    if waits:
        what = "an image that nobody has resumed from"
    else:
        ours = PAGE if _is_rest(page, block.read_page(PAGE)) else 0
        what = holds(block.peek, block.size, ours)
    if what:
        give_up = f"agent.pyz discard --target raw:{block.path}" if waits else "name another device"
        raise AgentError(
            f"{block.path} holds {what}, and would be overwritten",
            f"{give_up}, or say --overwrite: what it holds is lost",
        )


def _is_rest(page: bytes, following: bytes) -> bool:
    """Return whether a device begins with the rest of an image: used, refused, or never ended."""
    if not any(page):
        return following.startswith(FRAME_MAGIC)
    try:
        return Record.unpack(page).state in (USED, REFUSED)
    except (NoImage, BadImage):
        return False


def give_back(args: dict[str, Any]) -> None:
    """Write back the page that a save replaced, unless an image has taken its place.

    :param args: Its path, and what lay in its first page and where the stream begins.
    :raise AgentError: When the stream lies over what the page belonged to: that is lost.
    """
    page, behind = (_page(args[name]) for name in ("page", "behind"))
    block = open_block(args["path"], 1)
    try:
        if any(block.read_page(0)):
            return  # not replaced yet, or the image was committed
        lost = block.read_page(PAGE) != behind
        if lost and page.startswith(COMMITTED):
            page = USED + page[len(USED) :]  # it can never be resumed from
        block.write_page(page, 0)
    finally:
        block.close()
    if lost and any(page) and not page.startswith((USED, REFUSED)):
        raise AgentError(f"{args['path']}: what it held was overwritten, as --overwrite allows")


def _page(text: str) -> bytes:
    return base64.b64decode(text).ljust(PAGE, b"\0")


def _text(page: bytes) -> str:
    return base64.b64encode(page).decode() if any(page) else ""


class RawSource:
    """See :class:`hibtest.agent.target.Source`."""

    def __init__(self, block: Block) -> None:
        self._block = block
        end = -(-self._block.size // PAGE) * PAGE  # a file may end within a page
        self._reader = Reader(self._block, [Extent(PAGE, end - PAGE)])

    def record(self) -> bytes:
        """Return the first page."""
        return self._block.read_page(0)

    def read(self, size: int) -> bytes:
        """Return more of the stream."""
        return self._reader.read(size)

    @property
    def at(self) -> int | None:
        """Where the last read began."""
        return self._reader.at

    def mark(self, state: bytes) -> None:
        """Change the record's state on the medium."""
        self._block.write_page(state + self.record()[len(state) :], 0)

    def close(self) -> None:
        """Close the device."""
        self._block.close()
