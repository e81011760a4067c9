"""The stream of an image as it arrives, checked, and the record that commits it.

The stream is a row of frames, each a chunk of the image, perhaps compressed, behind a header of
64 bytes: magic, index, length, stored length, digest of what is stored. The record of 4096 bytes
comes last: its JSON says how much there was, and has a digest over all headers, in order.

What the agent would not load (hibtest/agent/image/) is refused here, as far as that can be told
without decompressing: a machine powers off only once it has been told that its image is good.
"""

import hashlib
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

FRAME_MAGIC = b"hibC"
HEADER = struct.Struct("<4sIII16x32s")
RECORD_SIZE = 4096
RECORD_MAGIC = b"HIBIMG01"
USED_MAGIC = b"HIBUSED1"
# No client of ours has chunks near this size; it keeps a stranger's from filling the disk.
CHUNK_LIMIT = 64 << 20
PAGE = 4096
CODECS = ("none", "zlib", "lz4", "zstd")

_DIGEST_SIZE = 32
_PREFIX = struct.Struct("<8sI")


class _Hash(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...
    def hexdigest(self) -> str: ...


def _blake2b() -> _Hash:
    return hashlib.blake2b(digest_size=_DIGEST_SIZE)


_CHECKSUMS: Mapping[str, Callable[[], _Hash]] = {"blake2b": _blake2b, "sha256": hashlib.sha256}


class Refusal(Exception):
    """What a client asks for is not done; the text is what it is told."""


class Nothing(Refusal):
    """There is no image to load, and nothing wrong: none came, or it was consumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a commit record says of its image.

    :ivar codec: One of :data:`CODECS`.
    :ivar checksum: ``blake2b`` (256 bits of it) or ``sha256``.
    :ivar pages: Pages that all frames come to.
    :ivar chunks: How many frames there are.
    :ivar stored: Bytes of the whole stream, headers included.
    :ivar digest: Digest over all frame headers, in order; hexadecimal.
    """

    codec: str
    checksum: str
    pages: int
    chunks: int
    stored: int
    digest: str


def parse_record(raw: bytes) -> Record:
    """Return what a commit record says, of an image that was not consumed.

    :raise Refusal: When it is none, or is damaged.
    """
    magic, length = _PREFIX.unpack_from(raw)
    body, digest = raw[:-_DIGEST_SIZE], raw[-_DIGEST_SIZE:]
    if len(raw) != RECORD_SIZE or magic != RECORD_MAGIC:
        raise Refusal(f"no commit record: it begins with {magic!r}")
    if hashlib.blake2b(body, digest_size=_DIGEST_SIZE).digest() != digest:
        raise Refusal("the commit record is damaged: its digest is another")
    if length > len(body) - _PREFIX.size:
        raise Refusal(f"the commit record is damaged: {length} bytes of JSON")
    try:
        record = msgspec.json.decode(body[_PREFIX.size :][:length], type=Record)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(f"the commit record is damaged: {error}") from error
    if record.codec not in CODECS:
        raise Refusal(f"the commit record says codec {record.codec!r}, not {', '.join(CODECS)}")
    return record


class Checker:
    """Checks a stream, frame by frame, and its commit record.

    Which checksum was used is told by the record, at the end; the first frame gives it away.

    :ivar chunks: Frames that were whole.
    :ivar stored: Their bytes, headers included.
    :ivar pages: The pages that they come to.
    """

    def __init__(self) -> None:
        self.chunks = 0
        self.pages = 0
        self.stored = 0
        self._headers = {name: new() for name, new in _CHECKSUMS.items()}
        self._chunk: dict[str, _Hash] = {}
        self._digest = b""
        self._length = 0
        self._pages = 0

    def begin(self, header: bytes) -> int:
        """Take a frame's header and return how many bytes it says will follow.

        :raise Refusal: When it is not the header of the next frame.
        """
        magic, index, length, stored, self._digest = HEADER.unpack(header)
        if magic != FRAME_MAGIC:
            raise Refusal(f"no frame: it begins with {magic!r}")
        if index != self.chunks:
            raise Refusal(f"frame {index} came where frame {self.chunks} belongs")
        if not 0 < length <= CHUNK_LIMIT or length % PAGE:
            raise Refusal(f"frame {index} has a length of {length}, no pages up to {CHUNK_LIMIT}")
        if not 0 < stored <= length:
            raise Refusal(f"frame {index} has a stored length of {stored}, not 1..{length}")
        for total in self._headers.values():
            total.update(header)
        self._chunk = {name: _CHECKSUMS[name]() for name in self._headers}
        self._length = stored
        self._pages = length // PAGE
        return self._length

    def take(self, data: memoryview) -> None:
        """Take more of a frame's bytes."""
        for part in self._chunk.values():
            part.update(data)

    def end(self) -> None:
        """End a frame.

        :raise Refusal: When its bytes are not those its header is for.
        """
        right = [name for name, part in self._chunk.items() if part.digest() == self._digest]
        if not right:
            raise Refusal(f"frame {self.chunks} is damaged: its digest is another")
        self._headers = {name: self._headers[name] for name in right}
        self.chunks += 1
        self.stored += HEADER.size + self._length
        self.pages += self._pages

    def finish(self, raw: bytes) -> None:
        """Compare a commit record with all that came.

        :raise Refusal: When it is damaged, or is for something else.
        """
        record = parse_record(raw)
        if not self.chunks:
            raise Refusal("an image without a frame")
        if record.checksum not in self._headers:
            used = " or ".join(self._headers)
            raise Refusal(f"the commit record says {record.checksum}, the frames have {used}")
        for what, said, came in (
            ("frames", record.chunks, self.chunks),
            ("bytes", record.stored, self.stored),
            ("pages", record.pages, self.pages),
        ):
            if said != came:
                raise Refusal(f"the commit record is for {said} {what}, {came} came")
        if record.digest != self._headers[record.checksum].hexdigest():
            raise Refusal("the commit record is for other frames: their digest is another")
