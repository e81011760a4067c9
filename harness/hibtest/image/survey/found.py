"""What can be told of any image, whoever wrote it, and how its pages are read for it."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from hibtest.evidence import MapChange, SwapHeader
from hibtest.image.blocks import Numbers
from hibtest.image.crc import Crc
from hibtest.image.damage import Damaged
from hibtest.image.e820 import MemoryMap
from hibtest.image.e820_changes import changes
from hibtest.image.foreign import Machine
from hibtest.image.header import PAGE_SIZE
from hibtest.image.info import ImageInfo
from hibtest.image.reader import Chunk, Image
from hibtest.story.foretold import Reply

Boots = tuple[MemoryMap, ...]  # of one boot, or of two, the earlier one first


class Watcher(Protocol):
    """Is shown all pages as they are read."""

    def data(self, chunk: Chunk) -> None:
        """See the next data pages."""

    def flagged(self, pfns: Numbers) -> None:
        """See some pages that are flagged as zero, once all data pages were seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Why an image cannot be read as it should be."""

    field: str
    block: int | None
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ByAgent:
    """What the commit record of an image of the userspace agent says.

    :ivar swap: Whether it lies in slots of a swap, and not on a device of its own.
    :ivar facts: By name, as docs/agent-image.md has them; none when the record was altered.
    """

    swap: bool
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedFile:
    """A swap file that was copied out of its file system.

    :ivar begin: Block of its device at which it began, its ``resume_offset``; ``None`` when that
        does not show.
    :ivar unread: Why the image in it cannot be read to its end; ``None`` when it can.
    """

    begin: int | None = None
    unread: Damage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was found. Numbers that could not be read are ``None``.

    :ivar state: ``armed``; ``consumed``: resumed from, and all still there; ``remains``: resumed
        from, and the swap was used since; ``refused``: by the agent, which marks such an image;
        ``stream``; ``other``: an image of a kind that is not read here; or ``none``.
    :ivar contains: What lies there instead of an image that is read here.
    :ivar machine: Whose image it is, when images of such machines are not read here.
    :ivar copied: For a swap file that was copied out of its file system, where it began.
    :ivar by_agent: For an image of the userspace agent, what it says of itself.
    :ivar besides: What else there is in the same page.
    :ivar codec: ``lzo``, ``lz4`` or ``none``; the agent knows zlib and zstd, too.
    :ivar map_pages: Pages of the swap map.
    :ivar stored_blocks: Blocks that hold the image, map and header not counted.
    :ivar data_pages: Data pages that the PFNs name.
    :ivar zero_flagged: Pages flagged as zero, without data.
    :ivar all_zero: Data pages that are all zero nevertheless.
    :ivar e820_matches: Whether the given boot has the image's memory map; of two, the later one.
    :ivar e820_matched_before: The same of the earlier one.
    :ivar map_changes: How the later boot's memory map differs from the earlier one's; ``None``
        when two boots were not given.
    :ivar writers: Kernels that write such an image, of those this knows.
    :ivar replies: What a resume would say.
    """

    state: str
    contains: str = ""
    offset: int = 0
    header: SwapHeader | None = None
    by_agent: ByAgent | None = None
    besides: str = ""
    machine: Machine | None = None
    copied: CopiedFile | None = None
    info: ImageInfo | None = None
    codec: str = ""
    map_pages: int | None = None
    stored_blocks: int | None = None
    data_pages: int | None = None
    zero_flagged: int | None = None
    all_zero: int | None = None
    pfn_first: int | None = None
    pfn_last: int | None = None
    crc: Crc | None = None
    e820_matches: bool | None = None
    e820_matched_before: bool | None = None
    map_changes: tuple[MapChange, ...] | None = None
    damage: Damage | None = None
    writers: tuple[str, ...] = ()
    replies: tuple[Reply, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with an image; also when there is none, or none any more."""
        if self.state == "remains":
            return True
        return self.damage is None and (self.crc is None or self.crc.right)

    @property
    def stored_bytes(self) -> int | None:
        """Bytes that the image takes on its disk, map included."""
        if self.stored_blocks is None:
            return None
        return (self.stored_blocks + (self.map_pages or 0)) * PAGE_SIZE


def through(found: Survey, image: Image, watch: Watcher | None) -> Survey:
    """Read all data pages, and add what they tell."""
    swap_map, counts = image.swap_map, image.counts
    found = replace(
        found,
        info=image.info,
        map_pages=len(swap_map.pages) if swap_map else None,
        stored_blocks=swap_map.count if swap_map else found.stored_blocks,
        data_pages=counts.data,
        zero_flagged=counts.zero,
        pfn_first=counts.first,
        pfn_last=counts.last,
    )
    zero = 0
    try:
        for chunk in image.chunks():
            zero += len(chunk.data) - int(chunk.data.view(np.uint64).any(axis=1).sum())
            if watch is not None:
                watch.data(chunk)
    except Damaged as damage:
        return replace(found, damage=told(damage))
    if watch is not None:
        for piece in image.numbered():
            watch.flagged(piece.zero)
    return replace(found, all_zero=zero, crc=image.crc)


def told(damage: Damaged) -> Damage:
    """Return a damage as it is told."""
    return Damage(field=damage.field, block=damage.block, what=damage.what)


def remaining(found: Survey) -> Survey:
    """Return what was found; what is not sound of an image that was resumed from is its remains."""
    gone = found.state == "consumed" and not found.sound
    return replace(found, state="remains") if gone else found


def with_boots(found: Survey, boots: Boots) -> Survey:
    """Say whether a boot has the image's memory map, and how those of two boots differ."""
    if len(boots) == 2:
        found = replace(found, map_changes=changes(*boots))
    if not boots or found.info is None:
        return found
    own = found.info.e820_checksum
    before, last = (own in boots[0].checksums(), own in boots[-1].checksums())
    return replace(
        found, e820_matches=last, e820_matched_before=before if len(boots) == 2 else None
    )
