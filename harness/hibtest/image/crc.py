"""The checksum of a compressed image.

Linux's crc32_le with seed 0 and no inversion at the end, over the uncompressed PFN and data
pages; the info page, the map and the header are not covered, and an uncompressed image has
none at all. Linux kernel, kernel/power/swap.c, crc32_threadfn() (v6.1 line 619, v6.12 line 626,
v7.3 line 634).
"""

from dataclasses import dataclass

from isal import isal_zlib

from hibtest.image.header import PAGE_SIZE

_ONES = 0xFFFFFFFF  # zlib's crc32 inverts before and after: this undoes it


@dataclass(frozen=True, slots=True, kw_only=True)
class Crc:
    """The checksum in the header and the one of the pages that were read."""

    stored: int
    computed: int

    @property
    def right(self) -> bool:
        """Whether they are the same."""
        return self.stored == self.computed


def update(crc: int, data: bytes) -> int:
    """Return the kernel's checksum of what came before (0 at first) and these bytes."""
    return isal_zlib.crc32(data, crc ^ _ONES) ^ _ONES


def joined(first: int, second: int, pages: int) -> int:
    """Return the checksum of two parts from theirs.

    :param pages: Pages of the second part.
    """
    return isal_zlib.crc32_combine(first, second, pages * PAGE_SIZE)
