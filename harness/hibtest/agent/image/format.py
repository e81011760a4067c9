"""The agent's image: what lies on a device, in a swap, or at a server.

A *stream* of frames, each with some pages of what /dev/snapshot gave: a header of 64 bytes with
the digest of what follows it, compressed or not. And a *record* of one page, which is written
last: without it there is no image. The record holds a digest over all frame headers, so that no
frame can be left out, and one over itself.

In a file or on a device the record lies at the beginning and the stream from byte 4096 on. A
used image keeps all but the magic of its record.
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any, NamedTuple

from hibtest.agent.errors import BadImage, NoImage
from hibtest.linux.pages import PAGE

COMMITTED, USED, REFUSED = b"HIBIMG01", b"HIBUSED1", b"HIBBAD01"
CHECKSUMS = ("blake2b", "sha256")
CODECS = ("none", "zlib", "lz4", "zstd")
_FACTS = {"codec": str, "checksum": str, "pages": int, "chunks": int, "stored": int, "digest": str}
_MOST = 1 << 50
_FRAME = struct.Struct("<4sIII16x32s")
FRAME_MAGIC = b"hibC"
_LENGTH = struct.Struct("<I")
_DIGEST = 32
FRAME_SIZE = _FRAME.size
LONGEST_FRAME = 64 << 20  # bytes, raw or stored; nobody must make us take more memory


class Frame(NamedTuple):
    """A frame's header.

    :ivar number: Its place in the stream, from 0.
    :ivar raw: Bytes of what it holds, uncompressed.
    :ivar stored: Bytes that follow the header; as many as ``raw`` when nothing was compressed.
    :ivar digest: Of these bytes.
    """

    number: int
    raw: int
    stored: int
    digest: bytes

    def pack(self) -> bytes:
        """Return the header as bytes."""
        return _FRAME.pack(FRAME_MAGIC, *self)

    @classmethod
    def unpack(cls, data: bytes, index: int) -> Frame:
        """Read the header of frame number ``index``.

        :raise BadImage: When it is none.
        """
        if len(data) != FRAME_SIZE:
            raise BadImage(f"the image ends in the header of frame {index}")
        magic, *fields = _FRAME.unpack(data)
        frame = cls(*fields)
        if magic != FRAME_MAGIC:
            raise BadImage(f"frame {index} begins with {magic!r}")
        if frame.number != index:
            raise BadImage(f"frame {index} says that it is frame {frame.number}")
        if not 0 < frame.raw <= LONGEST_FRAME or not 0 < frame.stored <= frame.raw:
            raise BadImage(f"frame {index} holds {frame.raw} bytes in {frame.stored}")
        return frame


class Digest:
    """The two kinds of checksum: of a frame, and over all frame headers."""

    def __init__(self, checksum: str) -> None:
        self.name = checksum
        self._all = self._new()

    def of(self, data: bytes | memoryview) -> bytes:
        """Return the digest of some bytes."""
        found = self._new()
        found.update(data)
        digest: bytes = found.digest()
        return digest

    def add(self, header: bytes) -> None:
        """Take a frame's header in."""
        self._all.update(header)

    def total(self) -> str:
        """Return the digest of all headers, as hexadecimal digits."""
        digest: str = self._all.hexdigest()
        return digest

    def _new(self) -> Any:
        if self.name == "sha256":
            return hashlib.sha256()
        return hashlib.blake2b(digest_size=_DIGEST)


class Record(NamedTuple):
    """What the commit record says.

    :ivar state: :data:`COMMITTED`, :data:`USED` or :data:`REFUSED`.
    :ivar facts: ``codec``, ``checksum``, ``pages`` (of the stream of /dev/snapshot), ``chunks``
        (frames), ``stored`` (bytes of the stream of frames), ``digest``, ``boot_id``,
        ``release``, ``mode``.
    """

    state: bytes
    facts: dict[str, Any]

    def pack(self) -> bytes:
        """Return the record as one page."""
        text = json.dumps(self.facts).encode()
        head = self.state + _LENGTH.pack(len(text)) + text
        body = head.ljust(PAGE - _DIGEST, b"\0")
        if len(body) > PAGE - _DIGEST:
            raise ValueError(f"a record of {len(text)} bytes")
        return body + _own_digest(body)

    @classmethod
    def unpack(cls, page: bytes) -> Record:
        """Read a record.

        :raise NoImage: When the page is no record at all.
        :raise BadImage: When it is one that was altered.
        """
        state = page[:8]
        if state not in (COMMITTED, USED, REFUSED):
            raise NoImage("there is no image of the agent")
        body = page[: PAGE - _DIGEST]
        if _own_digest(COMMITTED + body[8:]) != page[PAGE - _DIGEST :] or len(page) != PAGE:
            raise BadImage("the commit record was altered")
        (length,) = _LENGTH.unpack_from(page, 8)
        return cls(state, _facts(page[8 + _LENGTH.size : 8 + _LENGTH.size + length]))


def _facts(text: bytes) -> dict[str, Any]:
    """Read what a record says; whoever wrote it may have meant no good."""
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadImage(f"the commit record is no JSON: {error}") from error
    if not isinstance(facts, dict):
        raise BadImage("the commit record holds no facts")
    try:
        json.dumps(facts, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:  # half a surrogate, which nobody can print
        raise BadImage("the commit record holds text that is none") from error
    for name, kind in _FACTS.items():
        value = facts.get(name)
        if type(value) is not kind:
            raise BadImage(f"the commit record's {name} is {value!r:.50}")
        if isinstance(value, int) and not 0 <= value < _MOST:
            raise BadImage(f"the commit record's {name} is {value}")
    if facts["checksum"] not in CHECKSUMS:
        raise BadImage(f"the image's checksum is {facts['checksum']!r:.50}")
    if facts["codec"] not in CODECS:
        raise BadImage(f"the image's codec is {facts['codec']!r:.50}")
    return facts


def _own_digest(body: bytes) -> bytes:
    # The state is left out: it changes when the image is used.
    return hashlib.blake2b(COMMITTED + body[8:], digest_size=_DIGEST).digest()
