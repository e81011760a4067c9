"""The PFN pages: which page of memory each data page is.

512 u64 a page, ascending, ended by all ones unless the last page is full; the rest is zero.
Linux kernel, kernel/power/snapshot.c, pack_pfns() (v6.1 line 2105, v6.12 line 2211, v7.3 line
2205).

Since 6.12 bit 63 marks a page that was all zero and has no data page: ENCODED_PFN_ZERO_FLAG
(v6.12 line 2197, v7.3 line 2191).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hibtest.image.blocks import Numbers, Pages
from hibtest.image.damage import Damaged
from hibtest.image.info import PFNS_PER_PAGE, ImageInfo

ZERO_FLAG = 1 << 63
END = (1 << 64) - 1
PFN_LIMIT = 1 << 40  # x86-64 has at most 52 bits of physical address


@dataclass(frozen=True, slots=True, kw_only=True)
class Pfns:
    """Some PFNs of an image, in stream order.

    :ivar data: Those of data pages.
    :ivar zero: Those of pages that were all zero and have no data page.
    """

    data: Numbers
    zero: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many PFNs an image has, and the first and last; ``None`` when there are none."""

    data: int
    zero: int
    first: int | None
    last: int | None


@dataclass(slots=True)
class PfnReader:
    """Takes PFN pages in stream order and checks them as they come; keeps none.

    :ivar ended: Whether the end mark was seen.
    """

    info: ImageInfo
    ended: bool = False
    first: int | None = None
    last: int = -1
    taken: int = 0
    zero: int = 0

    def take(self, pages: Pages) -> Pfns:
        """Take the next PFN pages, (n, 4096) bytes.

        :raise Damaged: When a PFN cannot be one, does not ascend, or there are too many.
        """
        words = pages.reshape(-1).view("<u8")
        ends = np.flatnonzero(words == END)
        used = words[: ends[0]] if len(ends) else words
        if self.ended or words[len(used) + 1 :].any():
            self._refuse(self.taken + len(used), "PFNs go on after their end")
        self.ended = bool(len(ends))
        found = self._checked(used)
        self.taken += len(used)
        self.zero += len(found.zero)
        return found

    def finish(self) -> Counts:
        """Return how many there were.

        :raise Damaged: When there are not as many as the info page says.
        """
        data = self.taken - self.zero
        if data != self.info.image_pages:
            what = f"{data} PFNs for {self.info.image_pages} data pages"
            raise Damaged(what, field="image_pages")
        if self.info.meta_pages != -(-self.taken // PFNS_PER_PAGE):
            what = f"{self.info.meta_pages} pages for {self.taken} PFNs"
            raise Damaged(what, field="pages")
        last = self.last if self.taken else None
        return Counts(data=data, zero=self.zero, first=self.first, last=last)

    def _checked(self, words: NDArray[np.uint64]) -> Pfns:
        flagged = words >> 63 != 0
        numbers = (words & np.uint64(ZERO_FLAG - 1)).astype(np.int64)
        wrong = np.diff(numbers, prepend=self.last) <= 0
        wrong |= numbers >= PFN_LIMIT
        bad = np.flatnonzero(wrong)
        if len(bad):
            at = int(bad[0])
            before = int(numbers[at - 1]) if at else self.last
            self._refuse(self.taken + at, f"{int(numbers[at]):#x} after {before:#x}")
        if len(numbers):
            self.first = int(numbers[0]) if self.first is None else self.first
            self.last = int(numbers[-1])
        return Pfns(data=numbers[~flagged], zero=numbers[flagged])

    def _refuse(self, index: int, what: str) -> None:
        raise Damaged(what, field=f"pfn {index}")
