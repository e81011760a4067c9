"""All that can be told of an image of the kernel by reading it once."""

from dataclasses import replace

from hibtest.agent.image.format import COMMITTED, REFUSED, USED
from hibtest.evidence import SwapHeader
from hibtest.image.blocks import Blocks
from hibtest.image.damage import Damaged
from hibtest.image.header import HW_SIG, parse_header
from hibtest.image.identify import identify
from hibtest.image.info import ImageInfo, parse_info
from hibtest.image.reader import codec_of, read_image, read_stream, was_consumed
from hibtest.image.survey.found import (
    Boots,
    Survey,
    Watcher,
    remaining,
    through,
    told,
    with_boots,
)
from hibtest.story.foretold import Facts, replies

RECORDS = (COMMITTED, USED, REFUSED)


def survey_kernel(device: Blocks, offset: int, boots: Boots, watch: Watcher | None) -> Survey:
    """Read the kernel's image of a swap area, or say what is there instead.

    See :func:`hibtest.image.survey.survey_disk`.
    """
    page = device.read_one(offset, "header").tobytes()
    header, record = parse_header(page), page.startswith(RECORDS)
    if not header.armed and not was_consumed(header):
        found = Survey(
            state="none", contains=identify(device, offset), offset=offset, header=header
        )
        return with_boots(found, boots)
    state = "armed" if header.armed else "consumed"
    besides = "the record of an image of the agent, which was overwritten" if record else ""
    found = Survey(
        state=state, offset=offset, header=header, codec=codec_of(header), besides=besides
    )
    try:
        image = read_image(device, offset_pages=offset, consumed=True)
    except Damaged as damage:
        found = replace(found, damage=told(damage), info=_info_of(device, header))
    else:
        found = through(found, image, watch)
    found = with_boots(remaining(found), boots)
    return replace(found, writers=_writers(found), replies=replies(_facts(found)))


def survey_stream(device: Blocks, offset: int, boots: Boots, watch: Watcher | None) -> Survey:
    """Read a raw stream; see :func:`hibtest.image.survey.survey_disk`."""
    found = Survey(state="stream", offset=offset, codec="none")
    try:
        image = read_stream(device, offset_pages=offset)
    except Damaged as damage:
        found = replace(found, damage=told(damage))
    else:
        found = through(replace(found, stored_blocks=image.info.pages), image, watch)
    found = with_boots(found, boots)
    return replace(found, writers=_writers(found))


def _info_of(device: Blocks, header: SwapHeader) -> ImageInfo | None:
    """Return the info page of a damaged image, if that much is well."""
    try:
        first = int.from_bytes(device.read_one(header.image, "swap map")[:8].tobytes(), "little")
        return parse_info(device.read_one(min(first, device.count), "info page"), first)
    except Damaged:
        return None


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
