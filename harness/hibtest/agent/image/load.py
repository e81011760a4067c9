"""Loading: from a target into /dev/snapshot, every byte checked before the kernel has it all."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator

from hibtest.agent.device import SnapshotDevice
from hibtest.agent.errors import BadImage, from_os
from hibtest.agent.image.codecs import Codec
from hibtest.agent.image.format import FRAME_SIZE, Digest, Frame, Record
from hibtest.agent.image.write import pages_of
from hibtest.agent.target import Source
from hibtest.linux.pages import PAGE

_PAGES, _PAGES_AT = struct.Struct("<Q"), 424


def load(
    source: Source,
    record: Record,
    codec: Codec,
    device: SnapshotDevice,
    progress: Callable[[int], None],
) -> int:
    """Hand the image to the kernel; return its pages.

    :raise BadImage: When it is not what was written, whatever differs.
    :raise AgentError: When the kernel will not have it.
    """
    pages = 0
    for raw in frames(source, record, codec):
        _feed(device.fileno(), raw)
        pages += len(raw) // PAGE
        progress(pages)
    return pages


def frames(source: Source, record: Record, codec: Codec) -> Iterator[bytes]:
    """Yield what the frames of an image hold: some pages each.

    Only when this has ended without an error is the image what was written.

    :raise BadImage: When it is not, whatever differs.
    """
    facts = record.facts
    digest = Digest(facts["checksum"])
    pages = stored = 0
    if not facts["chunks"]:
        raise BadImage("it has no frames")
    for index in range(facts["chunks"]):
        try:
            frame, raw = _read_frame(source, index, digest, codec)
            if not index:
                _check_promise(raw, facts["pages"])
        except BadImage as error:
            error.found_at(source.at)
            raise
        yield raw
        pages += len(raw) // PAGE
        stored += FRAME_SIZE + frame.stored
    found = {"pages": pages, "stored": stored, "digest": digest.total()}
    for name, value in found.items():
        if facts[name] != value:
            raise BadImage(f"the image's {name} is {value}, the record says {facts[name]}")


def _check_promise(raw: bytes, pages: int) -> None:
    """See that the info page speaks of as many pages as the record.

    Its ``pages`` is at byte 424 on all 64-bit machines: struct swsusp_info, kernel/power/power.h
    (6.1 to 7.3). A kernel that gets more pages takes them for ever, and says nothing.
    """
    (promised,) = _PAGES.unpack_from(raw, _PAGES_AT)
    if promised != pages:
        raise BadImage(f"its first page speaks of {promised} pages, the record of {pages}")


def _read_frame(source: Source, index: int, digest: Digest, codec: Codec) -> tuple[Frame, bytes]:
    header = source.read(FRAME_SIZE)
    frame = Frame.unpack(header, index)
    data = source.read(frame.stored)
    if len(data) != frame.stored:
        raise BadImage(f"the image ends in frame {index}")
    if digest.of(data) != frame.digest:
        raise BadImage(f"frame {index}: the checksum is wrong")
    digest.add(header)
    raw = codec.decompress(data, frame.raw) if frame.stored < frame.raw else data
    if len(raw) != frame.raw or frame.raw % PAGE:
        raise BadImage(f"frame {index} came to {len(raw)} bytes, not {frame.raw}")
    return frame, raw


def _feed(fd: int, raw: bytes) -> None:
    view = memoryview(raw)
    try:
        while view:  # a page for each write(), as readv() in write.py
            taken = os.writev(fd, pages_of(view))
            if not taken:  # snapshot_write(), kernel/power/user.c (6.1 to 7.3)
                raise BadImage("the kernel has all of its pages, and there are more")
            view = view[taken:]
    except OSError as error:
        raise from_os(
            f"the kernel refused the image at one of its pages {error.errno}",
            error,
            "the kernel log says why; another kernel than the one that made it?",
        ) from error
