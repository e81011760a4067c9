"""Saves and loads without a kernel: a file stands for /dev/snapshot."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast
from unittest import mock

from hibtest.agent.device import SnapshotDevice
from hibtest.agent.errors import AgentError
from hibtest.agent.guardian.journal import Journal
from hibtest.agent.image.codecs import codec
from hibtest.agent.image.format import COMMITTED, Digest, Record
from hibtest.agent.image.load import load
from hibtest.agent.image.write import ImageWriter, Written
from hibtest.agent.target import Sink, Source, swaps

PAGE = 4096


class FakeDevice:
    """What is read from it, and what was written to it; slots as the test gives them."""

    def __init__(self, path: Path, slots: Iterator[int] | None = None) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT)
        self._slots = slots or iter(())
        self.area: tuple[int, int] | None = None

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        os.close(self._fd)

    def set_swap_area(self, device: int, offset: int) -> None:
        self.area = (device, offset)

    def swap_available(self) -> int:
        return 1 << 30

    def allocate(self) -> int:
        slot = next(self._slots, None)
        if slot is None:
            raise AgentError("SNAPSHOT_ALLOC_SWAP_PAGE: ENOSPC", number=28)
        return slot


@contextmanager
def device(path: Path, slots: Iterator[int] | None = None) -> Iterator[SnapshotDevice]:
    """Open a file as the device."""
    with closing(FakeDevice(path, slots)) as fake:
        yield cast(SnapshotDevice, fake)


def scattered() -> Iterator[int]:
    """Yield slots in runs of three, with holes between."""
    for page in range(1, 4000):
        if page % 4:
            yield page * PAGE


@contextmanager
def swap_in_use(path: Path) -> Iterator[None]:
    """Make a file a swap, and have the agent take it for the one that is in use."""
    subprocess.run(["mkswap", "-q", path], check=True, capture_output=True)
    area = swaps.Area(str(path), str(path), 0, path.stat().st_size)
    with mock.patch.object(swaps, "in_use", return_value=area):
        yield


def content(pages: int) -> bytes:
    """Return pages of three kinds, noise, text, zeros, behind the first, which says how many."""
    kinds = (os.urandom(PAGE), b"hibernate " * 409 + b"......", bytes(PAGE))
    first = bytes(424) + pages.to_bytes(8, "little") + kinds[0][432:]
    return b"".join((first, *(kinds[number % 3] for number in range(1, pages))))


def save(
    sink: Sink,
    snapshot: SnapshotDevice,
    *,
    compress: str = "none",
    checksum: str = "blake2b",
    buffer_pages: int = 64,
    more: Mapping[str, str] | None = None,
) -> Written:
    """Write a whole image."""
    digest = Digest(checksum)
    writer = ImageWriter(sink, codec(compress), digest, buffer_pages)
    sink.prepare(snapshot, 100, Journal())
    written = writer.write(snapshot, lambda _: None)
    facts = {
        **(more or {}),
        "codec": compress,
        "checksum": checksum,
        "pages": written.pages,
        "chunks": written.chunks,
        "stored": written.stored,
        "digest": digest.total(),
    }
    sink.commit(Record(COMMITTED, facts).pack())
    sink.close()
    return written


def restore(source: Source, into: Path) -> bytes:
    """Load an image; return what the kernel would have got."""
    into.unlink(missing_ok=True)
    with closing(source), device(into) as kernel:
        record = Record.unpack(source.record())
        load(source, record, codec(record.facts["codec"]), kernel, lambda _: None)
    return into.read_bytes()
