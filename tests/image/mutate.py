"""Garbles images: bits, fields, blocks, and where they end."""

import os
import random
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hibtest.image.blocks import Blocks, FileBlocks
from tests.image.writer import PAGE, Written

Patch = tuple[int, bytes]  # where, what

_WORDS = (0, 1, 2, 31, 511, 4096, 1 << 31, 1 << 32, 1 << 40, 1 << 52, 1 << 63, (1 << 64) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An image in memory that is garbled again and again.

    :ivar name: Which image.
    :ivar content: What it holds when nothing is wrong with it.
    :ivar spots: Byte ranges in which something means something; each is hit as often.
    """

    name: str
    content: bytes
    spots: tuple[tuple[int, int], ...]
    fd: int

    @contextmanager
    def garbled(self, rng: random.Random) -> Iterator[Blocks]:
        """Garble the image, and mend it afterwards."""
        patches = [patch for _ in range(rng.choice((1, 1, 1, 2, 4))) for patch in self._patch(rng)]
        size = rng.randrange(len(self.content)) if rng.random() < 0.03 else len(self.content)
        for at, data in patches:
            os.pwrite(self.fd, data, at)
        try:
            yield FileBlocks(name=self.name, count=size // PAGE, fd=self.fd)
        finally:
            for at, data in patches:
                os.pwrite(self.fd, self.content[at : at + len(data)], at)

    def whole(self) -> Blocks:
        """Return the image with nothing wrong."""
        return FileBlocks(name=self.name, count=len(self.content) // PAGE, fd=self.fd)

    def _patch(self, rng: random.Random) -> list[Patch]:
        kind: Callable[[random.Random], list[Patch]]
        kind = rng.choice((self._bit, self._bit, self._word, self._word, self._noise, self._blocks))
        return kind(rng)

    def _spot(self, rng: random.Random, align: int = 1) -> int:
        first, end = rng.choice(self.spots)
        return rng.randrange(first, end) // align * align

    def _bit(self, rng: random.Random) -> list[Patch]:
        at = self._spot(rng)
        return [(at, bytes([self.content[at] ^ 1 << rng.randrange(8)]))]

    def _word(self, rng: random.Random) -> list[Patch]:
        at = self._spot(rng, align=rng.choice((4, 8)))
        old = int.from_bytes(self.content[at : at + 8], "little")
        near = old + rng.choice((-1, 1, 8, 256))
        other = int.from_bytes(self.content[(spot := self._spot(rng, 8)) : spot + 8], "little")
        value = rng.choice((rng.choice(_WORDS), near, other, len(self.content) // PAGE))
        return [(at, struct.pack("<Q", value % (1 << 64))[: len(self.content) - at])]

    def _noise(self, rng: random.Random) -> list[Patch]:
        at = self._spot(rng)
        return [(at, rng.randbytes(min(rng.randrange(1, 64), len(self.content) - at)))]

    def _blocks(self, rng: random.Random) -> list[Patch]:
        one, two = (self._spot(rng, PAGE) for _ in range(2))
        first, second = self.content[one : one + PAGE], self.content[two : two + PAGE]
        return rng.choice(([(one, second), (two, first)], [(one, second)], [(one, bytes(PAGE))]))


@contextmanager
def target(name: str, content: bytes, spots: list[tuple[int, int]]) -> Iterator[Target]:
    """Put an image into memory."""
    fd = os.memfd_create(name)
    try:
        os.pwrite(fd, content, 0)
        yield Target(name=name, content=content, spots=tuple(spots), fd=fd)
    finally:
        os.close(fd)


def spots_of(written: Written, offset: int) -> list[tuple[int, int]]:
    """Return where in a written image something means something."""
    end = offset * PAGE + PAGE
    info = written.entries[0] * PAGE
    maps = [(block * PAGE, block * PAGE + 64) for block in written.maps]
    tails = [(block * PAGE + 4080, block * PAGE + PAGE) for block in written.maps]
    units = [(block * PAGE, block * PAGE + 128) for block in written.units]
    pfns = [(written.entries[1] * PAGE, written.entries[1] * PAGE + 256)]
    rest = [(block * PAGE, block * PAGE + PAGE) for block in written.entries]
    header = [(end - 40, end)]
    fields = [*header, *header, (info, info + 40), (info + 400, info + 440)]
    return [*fields, *maps, *tails, *units, *pfns, *rest[:6]]
