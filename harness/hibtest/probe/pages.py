"""Pages of memory whose content is known: filled, and compared page by page.

Pages differ from each other, so that a page which went astray is seen; most are noise that no
compressor can shrink, some are text, some are zero (6.12 and newer store no data for zero
pages of the image: kernel/power/snapshot.c, do_copy_page() and ENCODED_PFN_ZERO_FLAG).

Others are what a page could be taken for another one by: zero but for one bit, which is in each of
the 512 words in turn; noise whose first word is zero; two that are equal, and two that differ in
their last byte alone.
"""

from __future__ import annotations

import os
import struct
import zlib
from array import array
from collections.abc import Callable

from hibtest.probe.base import Facts

SIZE = 4096
NOISE = os.urandom(16 * SIZE)
WORDS = SIZE // 8
# What every 16 pages are, beside noise: LAST and EQUAL are two pages each.
ZERO, TEXT, FIRST, LAST, EQUAL = 5, 9, 13, 2, 14
BITS = (1, 4, 7, 11)
# A changed page is named; when there are many, these are enough.
NAMED = 8


def content(pages: int, seed: int, first: int = 0) -> bytes:
    """Return the content of so many pages of a region, from its page ``first`` on.

    :param seed: Tells regions apart.
    """
    # From a multiple of 16 on, the noise repeats as it does from the region's beginning.
    lead = first % 16
    data = bytearray(NOISE * ((lead + pages) // 16 + 1))[lead * SIZE :]
    for number in range(first, first + pages):
        at = (number - first) * SIZE
        kind = number % 16
        if kind == ZERO or kind in BITS:
            data[at : at + SIZE] = bytes(SIZE)
        if kind in BITS:
            word = word_of(number, seed)
            data[at + bit_of(word) // 8] = 1 << bit_of(word) % 8
        elif kind == TEXT:
            line = b"region %08d page %08d, hibtest " % (seed, number)
            data[at : at + SIZE] = line.ljust(64, b".") * (SIZE // 64)
        elif kind != ZERO:
            put_noise(data, at, seed, number)
    return bytes(memoryview(data)[: pages * SIZE])


def put_noise(data: bytearray, at: int, seed: int, number: int) -> None:
    """Turn a page of :data:`NOISE` into that of a region."""
    kind = number % 16
    if kind == FIRST:
        struct.pack_into("<QQ", data, at, 0, seed << 32 | number)
        return
    again = kind - 1 in (LAST, EQUAL)
    if again:  # the page before it
        source = number % 16 - 1
        data[at : at + SIZE] = NOISE[source * SIZE : (source + 1) * SIZE]
    struct.pack_into("<QQ", data, at, seed, number - again)
    if again and kind - 1 == LAST:
        data[at + SIZE - 1] ^= 1


def word_of(number: int, seed: int) -> int:
    """Return which word of a page is not zero; 2048 pages in a row have each of them once."""
    return (number // 16 * len(BITS) + BITS.index(number % 16) + seed * 64) % WORDS


def bit_of(word: int) -> int:
    """Return which bit of the page is set then: another one from word to word."""
    return word * 64 + word % 8 * 8 + word // 8 % 8


def checksums(data: bytes | memoryview) -> array[int]:
    """Return the CRC-32 of each page."""
    crc = zlib.crc32
    view = memoryview(data)
    return array("L", [crc(view[at : at + SIZE]) for at in range(0, len(view), SIZE)])


def facts(data: bytes | memoryview) -> Facts:
    """Return ``{"pages", "crc"}`` of a region."""
    return {"pages": len(data) // SIZE, "crc": zlib.crc32(data)}


def differences(data: bytes | memoryview, planted: array[int]) -> Facts:
    """Return how a region differs from its planted checksums.

    :return: ``{"pages", "crc", "differing", "named"}``: ``differing`` counts the pages whose
        checksum is another one, ``named`` lists the first of them as [page, planted, found].
    """
    now = checksums(data)
    named: list[list[int]] = []
    differing = 0
    for number in range(max(len(now), len(planted))):
        before = planted[number] if number < len(planted) else -1
        after = now[number] if number < len(now) else -1
        if before != after:
            differing += 1
            if len(named) < NAMED:
                named.append([number, before, after])
    return {**facts(data), "differing": differing, "named": named}


class Region:
    """A region of memory or of a file that holds a known content.

    :param read: Returns its content as it is now.
    :param planted: Its content as it should be.
    """

    def __init__(self, read: Callable[[], bytes | memoryview], planted: bytes | memoryview) -> None:
        self.read = read
        self.sums = checksums(planted)
        self.facts = facts(planted)

    def look(self) -> Facts:
        """Return how it differs from what was planted, see :func:`differences`."""
        return differences(self.read(), self.sums)
