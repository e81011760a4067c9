"""Loading: from a target into /dev/snapshot, every byte checked before the kernel has it all."""

from __future__ import annotations

import os
from collections.abc import Callable

from harness.agent.device import PAGE, SnapshotDevice
from harness.agent.errors import BadImage, from_os
from harness.agent.image.codecs import Codec
from harness.agent.image.format import FRAME_SIZE, Digest, Frame, Record
from harness.agent.image.write import pages_of
from harness.agent.target import Source


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
    facts = record.facts
    digest = Digest(facts["checksum"])
    pages = 0
    for index in range(facts["chunks"]):
        raw = read_frame(source, index, digest, codec)
        _feed(device.fileno(), raw)
        pages += len(raw) // PAGE
        progress(pages)
    _check_total(record, pages, digest)
    return pages


def read_frame(source: Source, index: int, digest: Digest, codec: Codec) -> bytes:
    """Return what the next frame holds: some pages.

    :raise BadImage: When it is not frame number ``index`` as it was written.
    """
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
    return raw


def _check_total(record: Record, pages: int, digest: Digest) -> None:
    facts = record.facts
    found = {"pages": pages, "digest": digest.total()}
    for name, value in found.items():
        if facts[name] != value:
            raise BadImage(f"the image's {name} is {value}, the record says {facts[name]}")


def _feed(fd: int, raw: bytes) -> None:
    view = memoryview(raw)
    try:
        while view:  # a page for each write(), as readv() in write.py
            view = view[os.writev(fd, pages_of(view)) :]
    except OSError as error:
        raise from_os(
            f"the kernel refused the image at one of its pages {error.errno}",
            error,
            "the kernel log says why; another kernel than the one that made it?",
        ) from error
