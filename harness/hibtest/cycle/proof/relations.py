"""What a page that is wrong holds instead: another page's contents, or its own of another time.

Only what can be known is said: the contents of other pages that are wrong, too, and of the same
page at the instants at which memory was looked at.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hibtest.cycle.proof.pages import Memory, Numbers, Page, pages_of
from hibtest.image.header import PAGE_SIZE

_WORDS = PAGE_SIZE // 8
# Odd numbers, the same in every run: a sum of words times these tells pages apart but for 1 pair
# in 2^63 or so that a fault makes without knowing them.
_FACTORS = np.random.default_rng(4096).integers(1 << 63, size=_WORDS, dtype=np.uint64) * 2 + 1


def digest(page: Page) -> str:
    """Return what stands for a page in evidence: BLAKE2b, 64 bits, hexadecimal."""
    return hashlib.blake2b(page.tobytes(), digest_size=8).hexdigest()


_ZEROS = digest(np.zeros(PAGE_SIZE, dtype=np.uint8))


class Time(Protocol):
    """Memory at another time."""

    @property
    def words(self) -> str:
        """What a page is that holds what it held then."""

    def held(self, pfn: int, page: Page) -> bool:
        """Return whether this was in that page then."""


@dataclass(frozen=True, slots=True)
class Whole:
    """Memory that is still there."""

    words: str
    memory: Memory

    def held(self, pfn: int, page: Page) -> bool:
        """Return whether this was in that page then."""
        row = int(self.memory.rows(np.array([pfn]))[0])
        return row >= 0 and np.array_equal(self.memory.pages[row], page)


@dataclass(frozen=True, slots=True)
class Digests:
    """Memory of which 8 bytes a page are left: what it held would take too much room."""

    words: str
    pfns: Numbers
    sums: NDArray[np.uint64]

    @classmethod
    def of(cls, words: str, memory: Memory, pfns: Numbers) -> "Digests":
        """Digest pages of memory; their numbers ascend."""
        sums = [_sums(chunk.data) for chunk in pages_of(memory, pfns)]
        return cls(words, pfns, np.concatenate([np.empty(0, dtype=np.uint64), *sums]))

    def held(self, pfn: int, page: Page) -> bool:
        """Return whether this was in that page then."""
        at = int(np.searchsorted(self.pfns, pfn))
        there = at < len(self.pfns) and int(self.pfns[at]) == pfn
        return there and int(self.sums[at]) == int(_sums(page[np.newaxis])[0])


def _sums(pages: NDArray[np.uint8]) -> NDArray[np.uint64]:
    words = np.ascontiguousarray(pages).view(np.uint64).reshape(-1, _WORDS)
    sums: NDArray[np.uint64] = (words * _FACTORS).sum(axis=1, dtype=np.uint64)
    return sums


def time_of(pfn: int, page: Page, times: Sequence[Time]) -> str:
    """Say at which time a page held what is found in it, empty when at none that is known."""
    if not page.any():
        return ""  # a page of zeros is nobody's
    return next((time.words for time in times if time.held(pfn, page)), "")


class Mixed:
    """Which of the pages that are wrong hold each other's contents; hashes stand for them."""

    def __init__(self) -> None:
        self._wanted: dict[str, int] = {}
        self._found: dict[int, str] = {}

    def add(self, pfn: int, expected: str, found: str) -> None:
        """Take in a page that is wrong."""
        self._wanted.setdefault(expected, pfn)
        self._found[pfn] = found

    def with_whom(self, pfn: int, expected: str, found: str) -> str:
        """Say whose contents a page holds, once all are known; empty when nobody's."""
        other = self._wanted.get(found)
        if other is None or other == pfn:
            return ""
        if self._found[other] == expected:
            return f"exchanged with PFN {other:#x}"
        # a page of zeros is nobody's
        return "" if found == _ZEROS else f"it holds what belongs to PFN {other:#x}"
