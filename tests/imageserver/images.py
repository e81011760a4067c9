"""Images as an agent sends them, and what may be wrong with them."""

import hashlib
import json
import random
import struct
from collections.abc import Mapping
from dataclasses import dataclass

HEADER = struct.Struct("<4sIII16x32s")
RECORD_SIZE = 4096


def digest(checksum: str, data: bytes) -> "hashlib._Hash | hashlib.blake2b":
    """Return a hash of data."""
    if checksum == "blake2b":
        return hashlib.blake2b(data, digest_size=32)
    return hashlib.sha256(data)


def frame(index: int, data: bytes, checksum: str = "blake2b") -> bytes:
    """Return a frame."""
    right = digest(checksum, data).digest()
    raw = -(-2 * len(data) // 4096) * 4096
    return HEADER.pack(b"hibC", index, raw, len(data), right) + data


def record(
    frames: list[bytes], checksum: str = "blake2b", other: Mapping[str, object] | None = None
) -> bytes:
    """Return the commit record of frames; some of what it says may be other than it should."""
    headers = b"".join(one[: HEADER.size] for one in frames)
    text = json.dumps(
        {
            "codec": "zstd",
            "checksum": checksum,
            "pages": sum(HEADER.unpack(one[: HEADER.size])[2] for one in frames) // 4096,
            "chunks": len(frames),
            "stored": sum(map(len, frames)),
            "digest": digest(checksum, headers).hexdigest(),
            **(other or {}),
        }
    ).encode()
    body = (struct.pack("<8sI", b"HIBIMG01", len(text)) + text).ljust(RECORD_SIZE - 32, b"\0")
    return body + hashlib.blake2b(body, digest_size=32).digest()


@dataclass(frozen=True, slots=True)
class Made:
    """An image: its frames and its record."""

    frames: list[bytes]
    record: bytes

    @property
    def stream(self) -> bytes:
        """All frames."""
        return b"".join(self.frames)


def made(chunks: int = 5, size: int = 100_000, checksum: str = "blake2b", seed: int = 1) -> Made:
    """Return an image; no two chunks are of one size."""
    source = random.Random(seed)  # noqa: S311 - the same bytes each time
    frames = [frame(i, source.randbytes(size + i), checksum) for i in range(chunks)]
    return Made(frames, record(frames, checksum))
