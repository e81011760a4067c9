"""Which differences between memory and image the saving kernel makes itself, and why.

swsusp_save() copies page after page and then goes on: it returns through its stack, sets its
counters and prints a line. Every byte that differs must lie in one of the places that it
writes to; a page with one other byte is not explained.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hibtest.cycle.proof.kernel import Extent, KernelMemory, Places, Space
from hibtest.cycle.proof.pages import Page
from hibtest.cycle.proof.relations import Mixed, Time, digest, time_of
from hibtest.evidence import PageDifference, View
from hibtest.image.header import PAGE_SIZE
from hibtest.probe.places import WRITTEN, WRITTEN_PER_CPU

_DESCRIPTOR = 24  # bytes of struct prb_desc
_INFO = 112  # of struct printk_info at most: with CONFIG_PRINTK_EXECUTION_CTX (7.3)

_KEPT = 32  # differences that evidence keeps
_LINES = 16  # of a hexdump
_WIDTH = 16
_MASK = (1 << 64) - 1
_WRITTEN = re.compile("|".join(WRITTEN))


@dataclass(frozen=True, slots=True)
class Region:
    """Physical memory with a name: what lies there, its first byte and its end."""

    what: str
    first: int
    end: int


def written(
    places: Places, space: Space, per_cpu: int, stack: Iterable[Extent]
) -> tuple[Region, ...]:
    """Return where the saving kernel writes to after it has copied memory.

    :param per_cpu: ``__per_cpu_offset`` of the CPU that saves.
    :param stack: Physical ranges of its stack below the stack pointer: calls that returned.
    """
    found = [Region("the saver's stack", first, end) for first, end in stack]
    for name, extents in places.symbols.items():
        per_cpu_name = name in WRITTEN_PER_CPU
        if not (per_cpu_name or _WRITTEN.fullmatch(name)):
            continue
        for first, end in extents:
            address = (first + per_cpu) & _MASK if per_cpu_name else first
            at = space.physical(address)
            found.append(Region(name, at, at + end - first))
    return tuple(found)


def own_log(kernel: KernelMemory, places: Places) -> Iterator[Region]:
    """Yield the log's buffers, where the kernel has made its own (``log_buf_len=``).

    struct prb_desc_ring, first in struct printk_ringbuffer: u32 count_bits, then the addresses
    of descriptors and infos (kernel/printk/printk_ringbuffer.h, v6.1 to v7.3).
    """
    if not {"log_buf", "log_buf_len", "__log_buf", "printk_rb_dynamic"} <= {*places.symbols}:
        return
    (text,) = kernel.words(places.address("log_buf"), 1)
    if text == places.address("__log_buf"):
        return
    length = kernel.words(places.address("log_buf_len") & ~7, 1)[0]
    if places.address("log_buf_len") & 4:
        length >>= 32
    bits, descriptors, infos = kernel.words(places.address("printk_rb_dynamic"), 3)
    count = 1 << (bits & 0x1F)
    for what, address, size in (
        ("the log's text", text, length & 0xFFFFFFFF),
        ("the log's descriptors", descriptors, count * _DESCRIPTOR),
        ("the log's infos", infos, count * _INFO),
    ):
        first = kernel.space.physical(address)
        yield Region(what, first, first + size)


class Differences:
    """Pages that differ, explained one by one; keeps few of them, however many there are.

    :param may_differ: Where differences are the saving kernel's own.
    :param what: Tells what a page is used for, for those that are not explained.
    :param times: Memory at other times, which may be what is found in one.
    """

    def __init__(
        self,
        may_differ: Sequence[Region] = (),
        what: Callable[[int], str] | None = None,
        times: Sequence[Time] = (),
    ) -> None:
        self._may_differ = may_differ
        self._what = what
        self._times = times
        self._mixed = Mixed()
        self._explained: list[PageDifference] = []
        self._unexplained: list[PageDifference] = []
        self._count = self._bad = 0
        self._dump = ""

    def add(self, pfn: int, expected: Page, found: Page, how: str = "") -> None:
        """Take in a page that differs.

        :param how: What it holds instead, if that is known.
        """
        difference = self._explain(pfn, expected, found)
        self._count += 1
        if difference.explained:
            self._explained.append(difference)
            return
        self._bad += 1
        self._mixed.add(pfn, difference.expected, difference.found)
        if not self._dump:
            self._dump = hexdump(expected, found)
        if len(self._unexplained) < _KEPT:
            how = how or time_of(pfn, found, self._times)
            self._unexplained.append(replace(difference, how=how))

    def missing(self, pfn: int) -> None:
        """Take in a page that is not there at all."""
        self._count += 1
        self._bad += 1
        gone = PageDifference(
            pfn=pfn, count=PAGE_SIZE, first=0, expected="", found="", what="no such page"
        )
        if len(self._unexplained) < _KEPT:
            self._unexplained.append(gone)

    def view(self, *, pages: int, zeroes: int, seconds: float) -> View:
        """Return what all of it came to."""
        return View(
            pages=pages,
            zeroes=zeroes,
            differ=self._count,
            unexplained=self._bad,
            differences=(*map(self._related, self._unexplained), *self._explained)[:_KEPT],
            dump=self._dump,
            seconds=round(seconds, 3),
        )

    def _related(self, page: PageDifference) -> PageDifference:
        """Return a page with what it holds instead, once all that are wrong are known."""
        other = self._mixed.with_whom(page.pfn, page.expected, page.found)
        return replace(page, how=page.how or other)

    def _explain(self, pfn: int, expected: Page, found: Page) -> PageDifference:
        wrong = expected != found
        left = wrong.copy()
        names = [place.what for place in self._may_differ if _strike(left, place, pfn * PAGE_SIZE)]
        if left.any() and self._what is not None:
            names.append(self._what(pfn))
        return PageDifference(
            pfn=pfn,
            count=int(wrong.sum()),
            first=int(np.flatnonzero(wrong)[0]),
            expected=digest(expected),
            found=digest(found),
            what=", ".join(dict.fromkeys(names)),
            explained=not left.any(),
        )


def _strike(left: NDArray[np.bool_], place: Region, base: int) -> bool:
    """Strike off what lies in a place; return whether there was any."""
    part = left[max(0, place.first - base) : max(0, place.end - base)]
    if not part.any():
        return False
    part[:] = False
    return True


def hexdump(expected: Page, found: Page) -> str:
    """Return the lines of 16 bytes that differ, as expected and as found; 16 lines at most."""
    lines = np.unique(np.flatnonzero(expected != found) // _WIDTH)
    text = []
    for line in lines[:_LINES]:
        part = slice(int(line) * _WIDTH, (int(line) + 1) * _WIDTH)
        text.append(f"{part.start:03x}  expected  {expected[part].tobytes().hex(' ')}")
        text.append(f"     found     {found[part].tobytes().hex(' ')}")
    if len(lines) > _LINES:
        text.append(f"and {len(lines) - _LINES} lines more")
    return "\n".join(text)
