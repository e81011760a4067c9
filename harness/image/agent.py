"""Images that our own agent wrote (harness/agent): frames of the stream of /dev/snapshot.

The layout, and the places in a swap or on a disk, are the agent's: harness/agent/image/format.py.
"""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.agent.errors import AgentError, BadImage, NoImage
from harness.agent.image.codecs import codec
from harness.agent.image.format import COMMITTED, REFUSED, Digest, Record
from harness.agent.image.load import read_frame
from harness.agent.target import Source
from harness.agent.target.raw import RawSource
from harness.agent.target.swap import SwapSource
from harness.errors import HostError, SpecError
from harness.evidence import AgentImage
from harness.image.blocks import Pages
from harness.image.damage import Damaged
from harness.image.header import PAGE_SIZE
from harness.image.info import parse_info
from harness.image.reader import Image
from harness.image.stream import Part


@contextmanager
def open_agent_image(path: Path, *, swap: bool = False, consumed: bool = False) -> Iterator[Image]:
    """Open an image of the agent.

    :param path: A raw disk, or what an image server has stored.
    :param swap: Whether it lies in the slots of a swap.
    :param consumed: Also read one that was resumed from.
    :raise SpecError: When there is no image.
    :raise HostError: When the disk cannot be read.
    :raise Damaged: When it cannot be read as it should be.
    """
    with _told(path):
        record = _record(path, swap=swap)
    if record.state != COMMITTED and not consumed:
        raise SpecError(f"{path}: the agent's image was resumed from, or refused")
    frames = _Frames(path, swap, record)
    info = parse_info(frames.first(), 0)
    yield Image(info=info, stream=frames, codec=str(record.facts["codec"]))


def read_agent_image(path: Path, *, swap: bool = False) -> AgentImage:
    """Return what a target of the agent holds.

    :raise HostError: When it cannot be read.
    :raise Damaged: When its record cannot be read as it should be.
    """
    try:
        with _told(path):
            record = _record(path, swap=swap)
    except SpecError:
        return AgentImage(state="none")
    state = {COMMITTED: "committed", REFUSED: "refused"}.get(record.state, "used")
    return AgentImage(state=state, facts=record.facts)


def _open(path: Path, *, swap: bool) -> Source:
    name = os.fspath(path)
    if swap:
        return SwapSource(name, used=True, readonly=True)
    return RawSource(name, readonly=True)


def _record(path: Path, *, swap: bool) -> Record:
    with closing(_open(path, swap=swap)) as source:
        return Record.unpack(source.record())


@dataclass(frozen=True, slots=True)
class _Frames:
    """The stream of an image; see :class:`harness.image.stream.Stream`."""

    path: Path
    swap: bool
    record: Record

    def first(self) -> Pages:
        """Return the info page."""
        for pages in self._parts():
            page: Pages = pages[0]
            return page
        raise Damaged("has no frames", field="agent image")

    def head(self) -> Iterator[Pages]:
        """See :class:`harness.image.stream.Stream`."""
        return (part.pages for part in self.parts())

    def parts(self) -> Iterator[Part]:
        """See :class:`harness.image.stream.Stream`."""
        for number, pages in enumerate(self._parts()):
            rest = pages if number else pages[1:]
            if len(rest):
                yield Part(pages=rest)

    def _parts(self) -> Iterator[Pages]:
        facts = self.record.facts
        digest, unpacker = Digest(facts["checksum"]), codec(facts["codec"])
        with _told(self.path), closing(_open(self.path, swap=self.swap)) as source:
            for index in range(facts["chunks"]):
                raw = read_frame(source, index, digest, unpacker)
                yield np.frombuffer(raw, dtype=np.uint8).reshape(-1, PAGE_SIZE)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Tell what the agent's code finds wrong in our own words."""
    try:
        yield
    except NoImage as error:
        raise SpecError(f"{path}: {error.message}") from error
    except BadImage as error:
        raise Damaged(error.message, field="agent image") from error
    except AgentError as error:
        raise HostError(f"{path}: {error.message}") from error
