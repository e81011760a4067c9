"""How ``hibtest inspect`` words what it found."""

import hashlib
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from hibtest.evidence import MapChange, SwapHeader
from hibtest.image.blocks import Numbers
from hibtest.image.foreign import Machine
from hibtest.image.header import PAGE_SIZE
from hibtest.image.identify import in_k
from hibtest.image.info import ImageInfo
from hibtest.image.reader import Chunk
from hibtest.image.survey.found import ByAgent, Damage, Survey
from hibtest.story.foretold import Reply

_WIDTH = 14  # of the first column
_ZERO_PAGE = hashlib.sha256(bytes(PAGE_SIZE)).hexdigest()
_STATES = {
    "armed": "an armed hibernation image{of}",
    "consumed": "a hibernation image{of} that was resumed from, or taken away",
    "remains": "no hibernation image any more: the swap was used since it was resumed from",
    "stream": "a hibernation image as a raw stream",
}
_AGENT_STATES = {
    "armed": "an armed hibernation image of the userspace agent",
    "consumed": "a hibernation image of the userspace agent that was resumed from, or withdrawn",
    "remains": (
        "no hibernation image of the userspace agent any more: what it lay in was used since it"
        " was resumed from"
    ),
    "refused": "a hibernation image of the userspace agent that it refused to resume from",
}


def lines(found: Survey, name: str) -> Iterator[str]:
    """Yield a survey as lines for people."""
    yield f"{name}: {_first_line(found)}"
    for label, text in _rows(found):
        yield f"  {label:{_WIDTH}}{text}"
    if found.map_changes is not None:
        yield from (f"  {line}" for line in change_lines(found.map_changes))


def _first_line(found: Survey) -> str:
    if found.state == "none":
        return f"no hibernation image, but {found.contains}"
    if found.state == "other":
        return f"{found.contains}, which is not read here"
    state = (_AGENT_STATES if found.by_agent else _STATES)[found.state]
    of = _of_machine(found.machine) if found.machine else ""
    if found.copied:
        of += " in a swap file that was copied out of its file system"
    return f"{'' if found.sound else 'DAMAGED: '}{state.format(of=of)}"


def _of_machine(machine: Machine) -> str:
    """Return whose image it is: what is not as on x86-64 with pages of 4096 bytes."""
    if not machine.architecture:
        return f" of a machine with {in_k(machine.page_size)} pages"
    pages = "" if machine.page_size == PAGE_SIZE else f" with {in_k(machine.page_size)} pages"
    if machine.architecture.startswith("x86-64"):
        return f" of another kind ({machine.architecture})"
    return f" of another architecture ({machine.architecture}){pages}"


def _rows(found: Survey) -> Iterator[tuple[str, str]]:
    if found.state in ("none", "other"):
        return
    if found.damage:
        yield _damage_row(found.damage, lost=found.state == "remains")
    yield from _place_rows(found)
    yield from _elsewhere_rows(found)
    if found.info:
        yield from _size_rows(found, found.info)
    yield from _checksum_rows(found)
    if found.info:
        yield from _restore_rows(found, found.info)
    if found.writers and found.damage is None:
        yield "written by", f"{_or(found.writers)}, by its form (no image says so)"
    for reply in found.replies:
        yield from _reply_rows(reply)


def _damage_row(damage: Damage, *, lost: bool) -> tuple[str, str]:
    """Return where an image ends to be one: of one that was resumed from, nothing is wrong."""
    if lost:
        where = "" if damage.block is None else f"from block {damage.block} on "
        return "lost", f"{where}({damage.field}), as is usual once its place is used again"
    where = "" if damage.block is None else f"block {damage.block}, "
    return "damage", f"{where}{damage.field}: {damage.what}"


def _place_rows(found: Survey) -> Iterator[tuple[str, str]]:
    if found.by_agent:
        yield from _agent_rows(found, found.by_agent)
    if found.header:
        yield from _header_rows(found.header, found.offset)
    if found.besides:
        yield "besides", found.besides


def _elsewhere_rows(found: Survey) -> Iterator[tuple[str, str]]:
    """Yield what is not read, as it was written by another machine, or on another device."""
    if found.machine:
        if found.machine.kernel:
            yield "of", f"kernel {found.machine.kernel}"
        yield "pages", "not read: that is done for x86-64 with pages of 4096 bytes alone"
    if found.copied is None:
        return
    begin = found.copied.begin
    if begin is not None:
        yield "copied", f"from block {begin} of its device on, its resume_offset"
    if found.copied.unread:
        where = "where that lay" if begin is None else f"with --offset {begin}"
        yield "pages", "not read: the map names blocks of that device, on which the file lay in"
        yield "", f"pieces, or the image is damaged; inspect the device {where}"


def _checksum_rows(found: Survey) -> Iterator[tuple[str, str]]:
    if found.crc:
        right = "right" if found.crc.right else f"WRONG: the pages have {found.crc.computed:#010x}"
        yield "checksum", f"{found.crc.stored:#010x}, {right}"
    elif found.codec == "none" and found.damage is None and not found.by_agent:
        yield "checksum", "none: an uncompressed image has none"


def _header_rows(header: SwapHeader, offset: int) -> Iterator[tuple[str, str]]:
    was = f", {header.orig_sig} before" if header.armed else ""
    yield "signature", f"{header.sig}{was} (block {offset})"
    yield "flags", f"{header.flags:#x} {' '.join(header.flag_names)}".rstrip()
    if "HW_SIG" in header.flag_names:
        yield "hardware", f"FACS signature {header.hw_sig:#010x}"


def _agent_rows(found: Survey, by_agent: ByAgent) -> Iterator[tuple[str, str]]:
    place = "slots of a swap, whose header is" if by_agent.swap else "a device of its own, from"
    yield "in", f"{place} block {found.offset}{'' if by_agent.swap else ' on'}"
    facts = by_agent.facts
    if not facts:
        return
    yield "of", f"kernel {facts.get('release', '?')}, boot {facts.get('boot_id', '?')}"
    share = facts["stored"] / max(1, facts["pages"] * PAGE_SIZE)
    codec = {"none": "uncompressed"}.get(facts["codec"], facts["codec"])
    yield "stored", f"{_mib(facts['stored'])}: {facts['chunks']} frames; {codec}, {share:.0%}"
    right = "" if found.damage else ", right"
    yield "checksum", f"{facts['checksum']} of each frame and over all{right}"
    yield "power-off", str(facts.get("mode", "?"))


def _size_rows(found: Survey, info: ImageInfo) -> Iterator[tuple[str, str]]:
    codec = {"none": "uncompressed"}.get(found.codec, found.codec.upper())
    if found.stored_bytes is not None and found.header:
        share = f"{codec}, {found.stored_bytes / max(info.size, 1):.0%} of the stream"
        blocks = f"{found.stored_blocks} blocks and {found.map_pages} of the map"
        yield "stored", f"{_mib(found.stored_bytes)}: {blocks}; {share}"
    yield "stream", f"{_mib(info.size)}: {info.image_pages} data, {info.meta_pages} PFN, 1 info"
    if found.zero_flagged is not None:
        zero = "" if found.all_zero is None else f"; {found.all_zero} of the data pages are zero"
        yield "zero pages", f"{found.zero_flagged} flagged, without data{zero}"
    if found.pfn_first is not None:
        yield "PFNs", f"{found.pfn_first:#x} to {found.pfn_last:#x}"
    yield "memory", f"{info.num_physpages} pages, {_mib(info.num_physpages * PAGE_SIZE)}"


def _restore_rows(found: Survey, info: ImageInfo) -> Iterator[tuple[str, str]]:
    yield "jump address", f"{info.jump_address:#x}, physical {info.jump_address_phys:#x}"
    yield "cr3", f"{info.cr3:#x}"
    yield "memory map", f"CRC-32 {info.e820_checksum:#010x}{_boots(found)}"


def _boots(found: Survey) -> str:
    """Return whether the memory map is that of the boots that were given."""
    if found.e820_matches is None:
        return ""
    last = "that" if found.e820_matches else "NOT that"
    if found.e820_matched_before is None:
        return f": {last} of the boot"
    first = "that" if found.e820_matched_before else "NOT that"
    return f": {first} of the first boot, {last} of the second"


def change_lines(found: tuple[MapChange, ...]) -> Iterator[str]:
    """Yield how the memory maps of two boots differ."""
    if not found:
        yield "both boots have the same memory map"
        return
    yield f"the second boot's memory map differs in {len(found)} of its entries:"
    for change in found:
        yield f"  {change}"


def _reply_rows(reply: Reply) -> Iterator[tuple[str, str]]:
    error = "" if reply.errno is None else f" ({reply.errno})"
    note = f", {reply.note}" if reply.note else ""
    text = f"{', '.join(reply.kernels)}: {reply.result}{error}{note}"
    first, *rest = textwrap.wrap(text, 78 - _WIDTH)
    yield "resume", first
    for more in (*rest, *(f"  {message}" for message in reply.messages)):
        yield "", more


def _or(names: tuple[str, ...]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"


def to_line(found: Survey) -> str:
    """Return a survey as one line of JSON."""
    return msgspec.json.encode(found).decode() + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePrinter:
    """Prints a line for each page: its PFN, what it is, and the SHA-256 of what it holds.

    :ivar json: Whether each line is a JSON object.
    """

    json: bool

    def data(self, chunk: Chunk) -> None:
        """Print data pages; ``zero`` are those that hold nothing but zeros."""
        filled = np.any(chunk.data.view(np.uint64), axis=1)
        for pfn, page, full in zip(chunk.pfns.tolist(), chunk.data, filled, strict=True):
            self._line(pfn, "data" if full else "zero", hashlib.sha256(page).hexdigest())

    def flagged(self, pfns: Numbers) -> None:
        """Print pages that are flagged as zero and have no data."""
        for pfn in pfns.tolist():
            self._line(pfn, "flagged", _ZERO_PAGE)

    def _line(self, pfn: int, kind: str, sha256: str) -> None:
        if self.json:
            print(f'{{"pfn":{pfn},"kind":"{kind}","sha256":"{sha256}"}}')
        else:
            print(f"{pfn:#012x}  {kind:7}  {sha256}")
