"""Writing: from /dev/snapshot to a target, in small pieces, within a fixed budget of memory."""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from hibtest.agent.device import SnapshotDevice
from hibtest.agent.errors import AgentError, from_os
from hibtest.agent.image.codecs import Codec
from hibtest.agent.image.format import FRAME_SIZE, Digest, Frame
from hibtest.agent.target import Sink
from hibtest.linux.pages import PAGE

# Of the budget, a quarter less a page is for pages as they are read, a quarter for what they are
# compressed to (which may be a little more), and a half for the target.
LEAST_BUFFER_PAGES = 16


_IOV_MAX = 1024  # UIO_MAXIOV, include/uapi/linux/uio.h (6.1 to 7.3)


def pages_of(data: memoryview) -> list[memoryview]:
    """Return a piece of memory as its pages, as many as one system call takes."""
    return [data[at : at + PAGE] for at in range(0, min(len(data), _IOV_MAX * PAGE), PAGE)]


class Written(NamedTuple):
    """What was written.

    :ivar pages: Pages that /dev/snapshot gave.
    :ivar chunks: Frames.
    :ivar stored: Bytes of the stream.
    :ivar peak: The most pages that were held at once.
    :ivar digest_seconds: How long the checksums took.
    """

    pages: int
    chunks: int
    stored: int
    peak: int
    digest_seconds: float


class ImageWriter:
    """Everything that writing needs, made before anything is stopped."""

    def __init__(self, sink: Sink, codec: Codec, digest: Digest, buffer_pages: int) -> None:
        if buffer_pages < LEAST_BUFFER_PAGES:
            raise AgentError(f"--buffer-pages {buffer_pages}: at least {LEAST_BUFFER_PAGES}")
        self._sink = sink
        self._codec = codec
        self._digest = digest
        self._budget = buffer_pages * PAGE
        self._buffer = memoryview(mmap.mmap(-1, (buffer_pages // 4 - 1) * PAGE))
        self._pages_of_buffer = pages_of(self._buffer)
        self._held = 0
        self._digesting = 0.0
        self._pages = self._chunks = self._stored = 0

    def write(self, device: SnapshotDevice, progress: Callable[[int], None]) -> Written:
        """Write all of the image.

        :param progress: Told the pages done after each frame.
        """
        while size := self._fill(device.fileno()):
            self._put(self._buffer[:size])
            self._pages += size // PAGE
            progress(self._pages)
        peak = -(-self._held // PAGE)
        return Written(self._pages, self._chunks, self._stored, peak, self._digesting)

    def _fill(self, fd: int) -> int:
        """Read pages until the buffer is full or the image ends."""
        try:
            # A page for each read(): with less, or more, 6.1 to 7.3 lose their place
            # (snapshot_read(), kernel/power/user.c). The kernel takes readv() apart into them
            # (do_loop_readv_writev(), fs/read_write.c), and stops at the image's end.
            return os.readv(fd, self._pages_of_buffer)
        except OSError as error:
            raise from_os("reading the image", error) from error

    def _put(self, raw: memoryview) -> None:
        packed: bytes | memoryview = self._codec.compress(raw) if self._packs else raw
        held = len(self._buffer) + (len(packed) if self._packs else 0) + self._budget // 2
        self._held = max(self._held, held)
        if len(packed) >= len(raw):
            packed = raw
        began = time.monotonic()
        digest = self._digest.of(packed)
        self._digesting += time.monotonic() - began
        frame = Frame(self._chunks, len(raw), len(packed), digest)
        header = frame.pack()
        self._digest.add(header)
        self._sink.write(header)
        self._sink.write(packed)
        self._chunks += 1
        self._stored += FRAME_SIZE + len(packed)

    @property
    def _packs(self) -> bool:
        return self._codec.name != "none"


def facts_of(written: Written, seconds: float) -> dict[str, Any]:
    """Return what a log line says of it."""
    megabytes = written.pages * PAGE / 1e6
    return {
        "pages": written.pages,
        "stored": written.stored,
        "ratio": round(written.stored / max(1, written.pages * PAGE), 3),
        "mb_per_s": round(megabytes / max(seconds, 1e-3), 1),
        "peak_pages": written.peak,
        "digest_s": round(written.digest_seconds, 3),
    }
