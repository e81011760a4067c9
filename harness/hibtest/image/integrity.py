"""A device of dm-integrity with a CRC-32C for each 4096 bytes, and what its journal has of it.

A superblock, a journal, then by turns checksums and the data that they are of. What the journal
holds is written to its place when the device is opened next, and counts here as if it had been:
drivers/md/dm-integrity.c, calculate_device_limits(), get_data_sector(), replay_journal()
(6.1 to 7.3).
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hibtest.errors import SpecError
from hibtest.image.blocks import Blocks
from hibtest.image.crc32c import ONES, crc32c_each
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE
from hibtest.image.journal import Journal, Kept

_SUPER = struct.Struct("<8sBBHIQIBB2sQ8s16s")
_MAGIC = b"integrt\0"
_VERSIONS = range(1, 6)
_JOURNAL_MAC, _RECALCULATING, _DIRTY_BITMAP, _FIXED_PADDING, _SALTED = 0x1, 0x2, 0x4, 0x8, 0x10
_BLOCK = 8  # sectors of 512 bytes
_TAG = 4
_OLD_PADDING = 32  # blocks
_AT_ONCE = 256  # blocks; checksums take 4 times as much memory
_FIELD = "dm-integrity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrity(Blocks):
    """The blocks of a device of dm-integrity.

    :ivar device: The one below.
    :ivar begin: Its block at which the first checksums lie.
    :ivar run: Blocks of data between checksums.
    :ivar tags: Blocks of checksums between data.
    :ivar salt: What each checksum begins with.
    :ivar kept: Blocks that the journal has.
    """

    device: Blocks
    begin: int
    run: int
    tags: int
    salt: bytes
    kept: Mapping[int, Kept] = field(repr=False)

    def read_run(self, memory: memoryview, first: int) -> None:
        """See :meth:`Blocks.read_run`.

        :raise Damaged: When a block is not what its checksum is of.
        """
        while memory:
            area, skipped = divmod(first, self.run)
            count = min(len(memory) // PAGE_SIZE, self.run - skipped, _AT_ONCE)
            self._read(memory[: count * PAGE_SIZE], first, area, skipped)
            memory, first = memory[count * PAGE_SIZE :], first + count

    def _read(self, memory: memoryview, first: int, area: int, skipped: int) -> None:
        begin = self.begin + area * (self.run + self.tags)
        self.device.read_run(memory, begin + self.tags + skipped)
        pages = np.frombuffer(memory, np.uint8).reshape(-1, PAGE_SIZE)
        tags = self.device.peek(begin * PAGE_SIZE + skipped * _TAG, len(pages) * _TAG)
        wrong = set(np.flatnonzero(self._sums(pages, first) != np.frombuffer(tags, "<u4")).tolist())
        for at in range(len(pages)):
            found = self.kept.get(first + at)
            if found is not None:
                memory[at * PAGE_SIZE : (at + 1) * PAGE_SIZE] = found.read(self.device)
            elif at in wrong:
                raise Damaged("it is not what its checksum is of", field=_FIELD, block=first + at)

    def _sums(self, pages: NDArray[np.uint8], first: int) -> NDArray[np.uint32]:
        numbers = np.arange(first, first + len(pages), dtype="<u8") * _BLOCK
        salts = np.tile(np.frombuffer(self.salt, np.uint8), (len(pages), 1))
        rows = np.hstack([salts, numbers.view(np.uint8).reshape(-1, 8), pages])
        return crc32c_each(rows) ^ np.uint32(ONES)


def integrity(device: Blocks) -> Integrity:
    """Return a device of dm-integrity.

    :raise SpecError: When there is none, or it is laid out in a way that is not known here.
    :raise HostError: When the device cannot be read.
    :raise Damaged: When it is not as it should be.
    """
    page = device.peek(0, PAGE_SIZE).ljust(PAGE_SIZE, b"\0")
    found = _SUPER.unpack_from(page)
    magic, version, log2_run, tag, sections, sectors, flags, log2_block = found[:8]
    if magic != _MAGIC:
        raise SpecError(f"{device.name}: not a device of dm-integrity")
    known = (tag, 1 << log2_block if log2_block < 32 else 0, flags & _JOURNAL_MAC)
    if known != (_TAG, _BLOCK, 0):
        what = f"checksums of {tag} bytes, 2^{log2_block} sectors each, flags {flags:#x}"
        raise SpecError(f"{device.name}: {what}, which is not read")
    if version not in _VERSIONS or not 3 <= log2_run <= 31 or sectors % _BLOCK or not sectors:
        what = f"version {version}, 2^{log2_run} sectors in a row, {sectors} in all"
        raise Damaged(what, field=_FIELD, block=0)
    if flags & (_RECALCULATING | _DIRTY_BITMAP):
        raise SpecError(f"{device.name}: not all of its checksums are made, which is not read")
    run, count = (1 << log2_run) // _BLOCK, sectors // _BLOCK
    padding = 1 if flags & _FIXED_PADDING else _OLD_PADDING
    tags = -(-run * _TAG // (padding * PAGE_SIZE)) * padding
    journal = Journal(device=device, sections=sections)
    begin = 1 + journal.blocks
    end = begin + ((count - 1) // run + 1) * tags + count
    if end > device.count:
        raise Damaged(f"it ends at block {end} of {device.count}", field=_FIELD, block=0)
    return Integrity(
        name=device.name,
        count=count,
        device=device,
        begin=begin,
        run=run,
        tags=tags,
        salt=found[12] if flags & _SALTED else b"",
        kept=journal.kept(count),
    )
