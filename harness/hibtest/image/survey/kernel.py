"""All that can be told of an image of the kernel by reading it once."""

from dataclasses import replace

from hibtest.agent.image.format import COMMITTED, REFUSED, USED
from hibtest.evidence import SwapHeader
from hibtest.image.blocks import Blocks
from hibtest.image.copied import began_at, is_copy, moved, reads_as_zeros
from hibtest.image.damage import Damaged
from hibtest.image.foreign import Machine, header_of, writer
from hibtest.image.header import HW_SIG, PAGE_SIZE, parse_header
from hibtest.image.identify import identify, page_size
from hibtest.image.info import ImageInfo, parse_info
from hibtest.image.reader import codec_of, read_image, read_stream, was_consumed
from hibtest.image.survey.found import (
    Boots,
    CopiedFile,
    Damage,
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
    size = page_size(device, offset)
    if size != PAGE_SIZE:
        machine = writer(device, offset, size) or Machine(page_size=size)
        header = header_of(device, offset, machine)
        if _is_image(header):
            return _foreign(_begun(header, offset), machine, boots)
    if size != PAGE_SIZE or not _is_image(header):
        contents = identify(device, offset)
        state = "other" if contents.image else "none"
        found = Survey(state=state, contains=contents.words, offset=offset, header=header)
        return with_boots(found, boots)
    besides = "the record of an image of the agent, which was overwritten" if record else ""
    found = replace(_begun(header, offset), besides=besides)
    try:
        image = read_image(device, offset_pages=offset, consumed=True)
    except Damaged as damage:
        return _unreadable(found, device, header, damage, boots, watch)
    return _judged(through(found, image, watch), boots)


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


def _is_image(header: SwapHeader) -> bool:
    return header.armed or was_consumed(header)


def _begun(header: SwapHeader, offset: int) -> Survey:
    state = "armed" if header.armed else "consumed"
    return Survey(state=state, offset=offset, header=header, codec=codec_of(header))


def _judged(found: Survey, boots: Boots) -> Survey:
    found = with_boots(remaining(found), boots)
    return replace(found, writers=_writers(found), replies=replies(_facts(found)))


def _unreadable(
    found: Survey,
    device: Blocks,
    header: SwapHeader,
    damage: Damaged,
    boots: Boots,
    watch: Watcher | None,
) -> Survey:
    """Say why an image cannot be read: it is a copied file's, another machine's, or damaged."""
    begin = None if found.offset else began_at(device, header.image)
    if begin is not None:
        found = _copied(found, device, begin, watch)
        unread = found.copied is not None and found.copied.unread
        return with_boots(found, boots) if unread else _judged(found, boots)
    machine = writer(device, found.offset, PAGE_SIZE)
    if machine:
        header = header_of(device, found.offset, machine)
        return _foreign(_begun(header, found.offset), machine, boots)
    if not found.offset and is_copy(device, header.image):
        found = replace(found, copied=CopiedFile(unread=told(damage)))
        return with_boots(found, boots)
    besides = found.besides
    if not found.offset and reads_as_zeros(device):
        besides = "zeros alone, as in a copy of a swap file that fallocate made: see its device"
    found = replace(found, damage=told(damage), info=_info_of(device, header), besides=besides)
    return _judged(found, boots)


def _copied(found: Survey, device: Blocks, begin: int, watch: Watcher | None) -> Survey:
    """Read an image in a copied swap file as if the file lay in one piece."""
    copied = CopiedFile(begin=begin)
    try:
        image = read_image(moved(device, begin), offset_pages=begin, consumed=True)
        whole = through(found, image, watch)
    except Damaged as damage:
        return replace(found, copied=replace(copied, unread=told(damage)))
    unread = whole.damage
    if whole.crc and not whole.crc.right:  # also what pages from elsewhere come to
        unread = Damage(field="checksum", block=None, what="the pages have another")
    if unread:
        return replace(found, info=whole.info, copied=replace(copied, unread=unread))
    return replace(whole, copied=copied)


def _foreign(found: Survey, machine: Machine, boots: Boots) -> Survey:
    """Say what kernels of x86-64 say to an image of another machine, where that is known."""
    found = with_boots(replace(found, machine=machine), boots)
    if machine.big_endian:
        return found
    if machine.page_size != PAGE_SIZE:  # they look for the signature in another place
        return replace(found, replies=replies(Facts(armed=False, codec=found.codec)))
    return replace(found, replies=replies(replace(_facts(found), damaged="magic")))


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
