"""Disks that the device mapper wrote (``recorded/dm-*.xz``; their README says how), and damage."""

import hashlib
import lzma
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from hibtest.image.blocks import Blocks
from hibtest.image.disk import open_disk
from hibtest.image.header import PAGE_SIZE

RECORDED = Path(__file__).parent / "recorded"
_ZEROS = bytes(PAGE_SIZE)
_RUN = 300  # blocks: no multiple of a chunk


def recorded(name: str) -> bytearray:
    """Return a disk."""
    return bytearray(_unpacked(name))


@cache
def _unpacked(name: str) -> bytes:
    return lzma.decompress((RECORDED / f"dm-{name}.xz").read_bytes())


@contextmanager
def devices(directory: Path, *contents: bytes | bytearray) -> Iterator[tuple[Blocks, ...]]:
    """Yield disks of some contents."""
    with ExitStack() as opened:
        yield tuple(
            opened.enter_context(open_disk(_written(directory / f"disk{number}", content)))
            for number, content in enumerate(contents)
        )


def _written(path: Path, content: bytes | bytearray) -> Path:
    with path.open("wb") as file:
        for at in range(0, len(content), PAGE_SIZE):
            if (part := content[at : at + PAGE_SIZE]) != _ZEROS:
                file.seek(at)
                file.write(part)
        file.truncate(len(content))
    return path


def content(device: Blocks) -> bytes:
    """Return all that a device holds."""
    memory = bytearray(device.count * PAGE_SIZE)
    for first in range(0, device.count, _RUN):
        end = min(first + _RUN, device.count)
        device.read_run(memoryview(memory)[first * PAGE_SIZE : end * PAGE_SIZE], first)
    return bytes(memory)


def digest(device: Blocks) -> str:
    """Return the SHA-256 of all that a device holds."""
    return hashlib.sha256(content(device)).hexdigest()
