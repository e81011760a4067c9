"""What a raw disk holds at one instant: a digest of each of its pieces, quickly."""

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hibtest.errors import HostError
from hibtest.evidence import DiskProof

PIECE = 1 << 16  # bytes: few enough digests, and a place that can be looked at
_DIGEST = 16
_NAMED = 8  # places of differences that are told
_THREADS = 2  # hashlib lets others run


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """A disk at one instant.

    :ivar digests: BLAKE2b (128 bits) of each piece, one after the other.
    :ivar size: Bytes of the disk.
    :ivar seconds: How long it took to read.
    """

    digests: bytes
    size: int
    seconds: float = 0.0

    def __str__(self) -> str:
        return hashlib.blake2b(self.digests, digest_size=_DIGEST).hexdigest()


def read_blocks(path: Path) -> Blocks:
    """Read a disk that nobody writes to right now; holes cost nothing.

    :raise HostError: When it cannot be read.
    """
    began = time.monotonic()
    try:
        with path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            pieces = list(_pieces(file.fileno(), size))
            digests = _empty(size)
            share = -(-len(pieces) // _THREADS) or 1
            parts = [pieces[at : at + share] for at in range(0, len(pieces), share)]
            with ThreadPoolExecutor(_THREADS) as pool:
                list(pool.map(lambda part: _digest(file.fileno(), part, digests), parts))
    except OSError as error:
        raise HostError(f"{path}: {error.strerror}") from error
    seconds = round(time.monotonic() - began, 3)
    return Blocks(digests=bytes(digests), size=size, seconds=seconds)


def differing(before: Blocks, now: Blocks) -> list[int]:
    """Return where the pieces begin, in bytes, that are not the same."""
    return [
        at // _DIGEST * PIECE
        for at in range(0, max(len(before.digests), len(now.digests)), _DIGEST)
        if before.digests[at : at + _DIGEST] != now.digests[at : at + _DIGEST]
    ]


def prove_disk(serial: str, before: Blocks, now: Blocks) -> DiskProof:
    """Compare what a disk held at the snapshot with what it holds at the power-off."""
    differ = differing(before, now)
    return DiskProof(
        serial=serial,
        at_snapshot=str(before),
        at_power_off=str(now),
        differ=len(differ),
        first=tuple(differ[:_NAMED]),
        seconds=before.seconds,
    )


def _pieces(fd: int, size: int) -> Iterator[int]:
    """Yield the numbers of pieces that are not wholly a hole."""
    at, last = 0, -1
    while at < size:
        try:
            at = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            return  # ENXIO: there is no more data
        end = os.lseek(fd, at, os.SEEK_HOLE)
        first = max(at // PIECE, last + 1)
        last = (end - 1) // PIECE
        yield from range(first, last + 1)
        at = end


def _empty(size: int) -> bytearray:
    """Return the digests of a disk of zeros."""
    whole, rest = divmod(size, PIECE)
    digests = _of(bytes(PIECE)) * whole
    return bytearray(digests + (_of(bytes(rest)) if rest else b""))


def _digest(fd: int, pieces: Sequence[int], digests: bytearray) -> None:
    for piece in pieces:
        at = piece * _DIGEST
        digests[at : at + _DIGEST] = _of(os.pread(fd, PIECE, piece * PIECE))


def _of(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST).digest()
