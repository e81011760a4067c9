"""All that can be told of an image by reading it once."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from harness.evidence import SwapHeader
from harness.image.blocks import Blocks, Numbers
from harness.image.crc import Crc
from harness.image.damage import Damaged
from harness.image.header import HW_SIG, PAGE_SIZE, parse_header
from harness.image.identify import identify
from harness.image.info import ImageInfo, parse_info
from harness.image.reader import (
    Chunk,
    Image,
    check_offset,
    codec_of,
    read_image,
    read_stream,
    was_consumed,
)
from harness.image.resume import Facts, Reply, replies


class Watcher(Protocol):
    """Is shown all pages as they are read."""

    def data(self, chunk: Chunk) -> None:
        """See the next data pages."""

    def flagged(self, pfns: Numbers) -> None:
        """See the pages that are flagged as zero, once all data pages were seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """Why an image cannot be read as it should be."""

    field: str
    block: int | None
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was found. Numbers that could not be read are ``None``.

    :ivar state: ``armed``; ``consumed``: resumed from, and all still there; ``remains``: resumed
        from, and the swap was used since; ``stream``; or ``none``.
    :ivar contains: What lies there instead of an image.
    :ivar codec: ``lzo``, ``lz4`` or ``none``.
    :ivar map_pages: Pages of the swap map.
    :ivar stored_blocks: Blocks that hold the image, map and header not counted.
    :ivar data_pages: Data pages that the PFNs name.
    :ivar zero_flagged: Pages flagged as zero, without data.
    :ivar all_zero: Data pages that are all zero nevertheless.
    :ivar e820_matches: Whether the given boot has the image's memory map.
    :ivar writers: Kernels that write such an image, of those this knows.
    :ivar replies: What a resume would say.
    """

    state: str
    contains: str = ""
    offset: int = 0
    header: SwapHeader | None = None
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


def survey_image(
    device: Blocks,
    *,
    offset: int = 0,
    boot: frozenset[int] | None = None,
    watch: Watcher | None = None,
) -> Survey:
    """Read the image of a swap area, or say what is there instead.

    :param offset: Block of the header.
    :param boot: Checksums that the memory map of a boot may have.
    :param watch: Is shown every page.
    :raise SpecError: When the offset lies outside the device.
    :raise HostError: When the disk cannot be read.
    """
    check_offset(device, offset)
    header = parse_header(device.read_one(offset, "header").tobytes())
    if not header.armed and not was_consumed(header):
        return Survey(state="none", contains=identify(device, offset), offset=offset, header=header)
    state = "armed" if header.armed else "consumed"
    found = Survey(state=state, offset=offset, header=header, codec=codec_of(header))
    try:
        image = read_image(device, offset_pages=offset, consumed=True)
    except Damaged as damage:
        found = replace(found, damage=_told(damage), info=_info_of(device, header))
    else:
        found = _through(found, image, watch)
    if found.state == "consumed" and not found.sound:
        found = replace(found, state="remains")
    found = _with_boot(found, boot)
    return replace(found, writers=_writers(found), replies=replies(_facts(found)))


def survey_stream(
    device: Blocks,
    *,
    offset: int = 0,
    boot: frozenset[int] | None = None,
    watch: Watcher | None = None,
) -> Survey:
    """Read a raw stream; see :func:`survey_image`."""
    check_offset(device, offset)
    found = Survey(state="stream", offset=offset, codec="none")
    try:
        image = read_stream(device, offset_pages=offset)
    except Damaged as damage:
        found = replace(found, damage=_told(damage))
    else:
        found = _through(found, image, watch)
    found = _with_boot(found, boot)
    return replace(found, writers=_writers(found))


def _through(found: Survey, image: Image, watch: Watcher | None) -> Survey:
    """Read all data pages, and add what they tell."""
    swap_map, pfns = image.swap_map, np.concatenate([image.pfns, image.zero_pfns])
    found = replace(
        found,
        info=image.info,
        map_pages=len(swap_map.pages) if swap_map else None,
        stored_blocks=len(swap_map.blocks) if swap_map else image.info.pages,
        data_pages=len(image.pfns),
        zero_flagged=len(image.zero_pfns),
        pfn_first=int(pfns.min()) if len(pfns) else None,
        pfn_last=int(pfns.max()) if len(pfns) else None,
    )
    zero = 0
    try:
        for chunk in image.chunks():
            zero += len(chunk.data) - int(chunk.data.view(np.uint64).any(axis=1).sum())
            if watch is not None:
                watch.data(chunk)
    except Damaged as damage:
        return replace(found, damage=_told(damage))
    if watch is not None:
        watch.flagged(image.zero_pfns)
    return replace(found, all_zero=zero, crc=image.crc)


def _info_of(device: Blocks, header: SwapHeader) -> ImageInfo | None:
    """Return the info page of a damaged image, if that much is well."""
    try:
        first = int.from_bytes(device.read_one(header.image, "swap map")[:8].tobytes(), "little")
        return parse_info(device.read_one(min(first, device.count), "info page"), first)
    except Damaged:
        return None


def _told(damage: Damaged) -> Damage:
    return Damage(field=damage.field, block=damage.block, what=damage.what)


def _with_boot(found: Survey, boot: frozenset[int] | None) -> Survey:
    if boot is None or found.info is None:
        return found
    return replace(found, e820_matches=found.info.e820_checksum in boot)


def _facts(found: Survey) -> Facts:
    return Facts(
        armed=found.state == "armed",
        codec=found.codec,
        zero_flags=bool(found.zero_flagged),
        damaged=found.damage.field if found.damage else "",
        crc_right=found.crc.right if found.crc else None,
        e820_matches=found.e820_matches,
        hw_sig=found.header.hw_sig if found.header and found.header.flags & HW_SIG else None,
    )


def _writers(found: Survey) -> tuple[str, ...]:
    """Return which kernels write such an image.

    6.1 stores zero pages like all others; 6.12 and 7.3 flag them, and know LZ4.
    """
    if found.codec == "lz4" or found.zero_flagged:
        return ("6.12", "7.3")
    return ("6.1",) if found.all_zero else ("6.1", "6.12", "7.3")
