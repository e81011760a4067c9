"""Images that our own agent wrote (hibtest/agent): frames of the stream of /dev/snapshot.

They are read, and judged, by the code that resumes them; the layout, and the places in a swap or
on a disk, are its own: hibtest/agent/image/format.py.
"""

import os
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import numpy as np

from hibtest.agent.errors import AgentError, BadImage, NoImage
from hibtest.agent.image.codecs import codec
from hibtest.agent.image.format import COMMITTED, REFUSED, USED, Record
from hibtest.agent.image.load import frames
from hibtest.agent.target import Source
from hibtest.agent.target.block import Block
from hibtest.agent.target.raw import RawSource
from hibtest.agent.target.swap import SIGNATURE, SwapSource
from hibtest.errors import HostError, SpecError
from hibtest.evidence import AgentImage
from hibtest.image.blocks import Blocks, Pages
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE
from hibtest.image.info import parse_info
from hibtest.image.reader import Image
from hibtest.image.stream import Part

_STATES = {COMMITTED: "committed", USED: "used", REFUSED: "refused"}
_NAMES = {"release": str, "boot_id": str, "mode": str, "codec": str, "checksum": str}
_COUNTS = {"pages": int, "chunks": int, "stored": int, "digest": str}
_FIELD = "agent image"
_BUFFER_PAGES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPlace:
    """Where on a device an image of the agent lies.

    :ivar swap: In slots of a swap, and not on a device of its own.
    :ivar offset: Block of the swap's header, or of the record.
    """

    device: Blocks
    swap: bool
    offset: int = 0

    def source(self) -> Source:
        """Open it.

        :raise NoImage: When there is none.
        """
        block = _Device(self.device, 0 if self.swap else self.offset)
        if not self.swap:
            return RawSource(block)
        try:
            return SwapSource(block, self.offset * PAGE_SIZE, used=True)
        except AgentError:
            block.close()
            raise

    def state(self) -> str:
        """Return ``committed``, ``used``, ``refused``, or ``none``: by the record's first bytes.

        :raise HostError: When the device cannot be read.
        :raise Damaged: When the record lies outside the device.
        """
        try:
            with self.told(), closing(self.source()) as source:
                return _STATES.get(source.record()[: len(COMMITTED)], "none")
        except SpecError:
            return "none"

    @contextmanager
    def told(self) -> Iterator[None]:
        """Tell what the agent's code finds wrong in our own words."""
        name = self.device.name
        try:
            yield
        except NoImage as error:
            raise SpecError(f"{name}: {error.message}") from error
        except BadImage as error:
            first = 0 if self.swap else self.offset
            block = None if error.at is None else first + error.at // PAGE_SIZE
            raise Damaged(error.message, field=_FIELD, block=block) from error
        except AgentError as error:
            raise HostError(f"{name}: {error.message}") from error

    def record(self) -> Record:
        """Return the record.

        :raise SpecError: When there is none.
        :raise HostError: When the device cannot be read.
        :raise Damaged: When it cannot be read as it should be.
        """
        with self.told(), closing(self.source()) as source:
            return Record.unpack(source.record())


def find(device: Blocks, offset: int) -> AgentPlace | None:
    """Return where an image of the agent lies, if one begins at a block; used ones count too.

    :raise HostError: When the device cannot be read.
    """
    page = device.read_one(offset, "header").tobytes()
    swap = AgentPlace(device=device, swap=True, offset=offset)
    if page.startswith(tuple(_STATES)) and not page.endswith(SIGNATURE):
        return AgentPlace(device=device, swap=False, offset=offset)
    return swap if swap.state() != "none" else None


def read_image(place: AgentPlace, *, consumed: bool = False) -> Image:
    """Open an image of the agent.

    :param consumed: Also one that was resumed from.
    :raise SpecError: When there is no image.
    :raise HostError: When the device cannot be read.
    :raise Damaged: When it cannot be read as it should be.
    """
    record = place.record()
    if record.state != COMMITTED and not consumed:
        raise SpecError(f"{place.device.name}: the agent's image was resumed from, or refused")
    stream = _Frames(place, record)
    info = parse_info(stream.first(), 0)
    return Image(info=info, stream=stream, codec=str(record.facts["codec"]))


def known(record: Record) -> AgentImage:
    """Return what a record says, as far as it is known what that means."""
    facts = record.facts
    names = {name: facts[name] for name in _NAMES | _COUNTS if _is(facts, name)}
    return AgentImage(state=_STATES[record.state], facts=names)


def _is(facts: dict[str, object], name: str) -> bool:
    return isinstance(facts.get(name), (_NAMES | _COUNTS)[name])


class _Device(Block):
    """A device as the agent's code reads it, from a block on; its size may be no whole blocks."""

    def __init__(self, device: Blocks, first: int) -> None:
        super().__init__(
            os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC),  # it is the device that is read
            device.name,
            size=device.size - first * PAGE_SIZE,
            buffer_pages=_BUFFER_PAGES,
        )
        self._device = device
        self._first = first * PAGE_SIZE

    def read(self, data: memoryview, offset: int) -> int:
        """See :meth:`hibtest.agent.target.block.Block.read`."""
        got = self._device.peek(self._first + offset, len(data))
        data[: len(got)] = got
        return len(got)


@dataclass(frozen=True, slots=True)
class _Frames:
    """The stream of an image; see :class:`hibtest.image.stream.Stream`."""

    place: AgentPlace
    record: Record

    def first(self) -> Pages:
        """Return the info page."""
        for pages in self._parts():
            page: Pages = pages[0]
            return page
        raise Damaged("has no frames", field=_FIELD)

    def head(self) -> Generator[Pages]:
        """See :class:`hibtest.image.stream.Stream`."""
        return (part.pages for part in self.parts())

    def parts(self) -> Iterator[Part]:
        """See :class:`hibtest.image.stream.Stream`."""
        for number, pages in enumerate(self._parts()):
            rest = pages if number else pages[1:]
            if len(rest):
                yield Part(pages=rest)

    def _parts(self) -> Iterator[Pages]:
        with self.place.told(), closing(self.place.source()) as source:
            for raw in frames(source, self.record, codec(self.record.facts["codec"])):
                yield np.frombuffer(raw, dtype=np.uint8).reshape(-1, PAGE_SIZE)
