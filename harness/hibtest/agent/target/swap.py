"""An image in slots of an active swap, which the kernel allocates for us.

The stream lies in the slots; pages of a map, the last of which leads to no other, say where; the
record has a slot of its own; and the swap's header page leads to map and record. Its signature
becomes ULSUSPEND (as the older userspace tools have it, so that blkid knows it for a suspended
swap): then nobody uses the swap before it was resumed from. ``struct swsusp_header``,
kernel/power/swap.c (6.1 to 7.3), has its fields in the same place: the boot block at the
beginning of the page and the swap's own fields stay as they are.
"""

from __future__ import annotations

import struct
import time
from pathlib import Path
from typing import Any, NamedTuple

from hibtest.agent.device import SnapshotDevice
from hibtest.agent.errors import AgentError, NoImage
from hibtest.agent.guardian.journal import Journal
from hibtest.agent.image.format import COMMITTED, REFUSED, USED
from hibtest.agent.target import slots, swaps
from hibtest.agent.target.block import Block, open_block
from hibtest.agent.target.extents import Extent, Reader, Writer
from hibtest.linux.pages import PAGE

SIGNATURE = b"ULSUSPEND\0"
_HEADER = struct.Struct("<QQ10s10s")  # at the end of the page: map, record, signature before, now
_BATCH = 256  # slots that are allocated at a time


class SwapSink:
    """See :class:`hibtest.agent.target.Sink`."""

    def __init__(self, where: str, buffer_pages: int, *, early: bool) -> None:
        self._area = swaps.in_use(where)
        self._early = early
        self._block = open_block(self._area.device, buffer_pages)
        self._writer = Writer(self._block, self._more)
        self._slots = _Slots()
        self._early_pages = 0
        self._early_seconds = 0.0

    def prepare(self, device: SnapshotDevice, pages: int, _journal: Journal) -> None:
        """Choose the swap, and, early, take the slots."""
        device.set_swap_area(self._block.number, self._area.offset)
        self._slots.device = device
        if self._early:
            room = device.swap_available() // PAGE
            if room < pages:
                raise AgentError(
                    f"{self._area.name}: {room} pages are free, the image may need {pages}",
                    "add swap, compress, or ask for a smaller image (--image-size)",
                    28,
                )
            began = time.monotonic()
            self._slots.take(pages)
            self._early_seconds = round(time.monotonic() - began, 3)
            self._early_pages = pages

    def facts(self) -> dict[str, Any]:
        """Return the swap, and the slots that were taken early, with the seconds it took."""
        found = {"swap": self._area.name, "slots": self._early_pages}
        return {**found, "slots_s": self._early_seconds}

    def write(self, data: bytes | memoryview) -> None:
        """Take more of the stream."""
        self._writer.write(data)

    def commit(self, record: bytes) -> None:
        """Write map and record, and only then the header."""
        self._writer.flush()
        offset = self._slots.one()
        self._block.write_page(record, offset)
        first = slots.write_map(self._block, self._writer.extents, self._slots.one)
        self._block.flush()
        at = self._area.offset * PAGE
        page = self._block.read_page(at)
        signature = page[-10:]
        header = _HEADER.pack(first, offset, signature, SIGNATURE)
        self._block.write_page(page[: -_HEADER.size] + header, at)

    def close(self) -> None:
        """Close the device; the slots go with /dev/snapshot."""
        self._block.close()

    def _more(self, _: int) -> Extent:
        return self._slots.next()


class _Slots:
    """Swap slots that are ours, in the order in which the kernel gave them."""

    device: SnapshotDevice

    def __init__(self) -> None:
        self._free: list[Extent] = []

    def take(self, pages: int) -> None:
        """Allocate slots."""
        for _ in range(pages):
            offset = self.device.allocate()
            last = self._free[-1] if self._free else None
            if last is not None and last.offset + last.size == offset:
                self._free[-1] = Extent(last.offset, last.size + PAGE)
            else:
                self._free.append(Extent(offset, PAGE))

    def next(self) -> Extent:
        """Return room for the stream, as much as lies together."""
        if not self._free:
            self._take_some()
        return self._free.pop(0)

    def one(self) -> int:
        """Return the offset of one slot."""
        extent = self.next()
        if extent.size > PAGE:
            self._free.insert(0, Extent(extent.offset + PAGE, extent.size - PAGE))
        return extent.offset

    def _take_some(self) -> None:
        try:
            self.take(_BATCH)
        except AgentError:
            if not self._free:
                raise


class Place(NamedTuple):
    """Where an image in a swap lies, as its header says."""

    first: int
    record: int
    signature: bytes


class SwapSource:
    """See :class:`hibtest.agent.target.Source`."""

    def __init__(self, block: Block, offset: int = 0, *, used: bool = False) -> None:
        """Read the header.

        :param offset: Of the swap's header page on the device, in bytes.
        :param used: Whether an image that was resumed from will do: its signature is gone.
        :raise NoImage: When it leads to no image of ours.
        """
        self._offset = offset
        self._block = block
        self._page = block.read_page(offset)
        self._place = place(self._page, used=used)
        self._reader: Reader | None = None
        if used:
            self._require_record()

    def record(self) -> bytes:
        """Return the record's page."""
        return self._block.read_page(self._place.record)

    def read(self, size: int) -> bytes:
        """Return more of the stream."""
        if self._reader is None:
            reserved = (self._offset, self._place.record)
            extents = slots.read_map(self._block, self._place.first, reserved)
            self._reader = Reader(self._block, extents)
        return self._reader.read(size)

    @property
    def at(self) -> int | None:
        """Where the last read began."""
        return self._reader.at if self._reader else None

    def _require_record(self) -> None:
        # Without our signature the header may be the kernel's own: it has its fields there, too.
        at = self._place.record
        inside = at % PAGE == 0 and at + PAGE <= self._block.size
        if not inside or self.record()[: len(COMMITTED)] not in (COMMITTED, USED, REFUSED):
            raise NoImage("the swap's header leads to no image of the agent")

    def mark(self, state: bytes) -> None:
        """Make the swap a swap again, and note in the record why."""
        record = self.record()
        page = self._page[: -len(SIGNATURE)] + self._place.signature
        self._block.write_page(page, self._offset)
        self._block.write_page(state + record[len(state) :], self._place.record)

    def close(self) -> None:
        """Close the device."""
        self._block.close()


def open_swap(where: str) -> SwapSource:
    """Open the image in a swap.

    :param where: ``DEVICE``, ``DEVICE@OFFSET`` (in pages), or empty for the swap in use.
    :raise AgentError: When the device cannot be had.
    :raise NoImage: When it holds no image of ours.
    """
    if not where:
        area = swaps.in_use()
        return _source(area.device, area.offset)
    device, _, offset = where.partition("@")
    return _source(device, int(offset or 0))


def _source(device: str, pages: int) -> SwapSource:
    block = open_block(device)
    try:
        _require_page(block, pages)
        return SwapSource(block, pages * PAGE)
    except AgentError:
        block.close()
        raise


def _require_page(block: Block, number: int) -> None:
    if (number + 1) * PAGE > block.size:
        raise AgentError(
            f"{block.path} has {block.size // PAGE} pages, none with number {number}",
            "name the resume_offset of the swap file, in pages",
        )


def place(page: bytes, *, used: bool = False) -> Place:
    """Read a swap's header page.

    :param used: Whether an image that was resumed from will do: its signature is gone.
    :raise NoImage: When it leads to no image of ours.
    """
    first, record, before, signature = _HEADER.unpack(page[-_HEADER.size :])
    if signature != SIGNATURE and not (used and first and before == signature):
        raise NoImage(f"the swap's signature is {signature!r}")
    return Place(first, record, before)


def withdraw(where: str) -> None:
    """Make a swap that is in use a swap again, if there is an image in it."""
    area = swaps.in_use(where)
    source = None
    try:
        source = _source(area.device, area.offset)
        if source.record()[: len(COMMITTED)] == COMMITTED:
            # Only with the swap area set may anybody write to a swap in use:
            # blkdev_write_iter(), block/fops.c (6.1 to 7.3).
            with SnapshotDevice() as device:
                device.set_swap_area(Path(area.device).stat().st_rdev, area.offset)
                source.mark(USED)
    except NoImage:
        pass
    finally:
        if source is not None:
            source.close()
