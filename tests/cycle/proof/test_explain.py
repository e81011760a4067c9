"""What is explained of a page that differs: byte by byte, and nothing more."""

import numpy as np
import pytest

from hibtest.cycle.proof.explain import Differences, Region, hexdump, written
from hibtest.cycle.proof.kernel import Places, Space

PFN = 0x100
BASE = PFN * 4096
STACK = Region("the saver's stack", BASE + 100, BASE + 200)
COUNTER = Region("nr_copy_pages", BASE + 300, BASE + 304)


def _page(*at: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    page = np.zeros(4096, dtype=np.uint8)
    page[list(at)] = 1
    return page


@pytest.mark.parametrize(
    ("at", "explained", "what"),
    [
        ((100, 199), True, "the saver's stack"),
        ((150, 303), True, "the saver's stack, nr_copy_pages"),
        ((99, 150), False, "the saver's stack, kernel bss"),
        ((200,), False, "kernel bss"),
        ((304,), False, "kernel bss"),
        ((4095,), False, "kernel bss"),
    ],
)
def test_every_byte_must_be_explained(at: tuple[int, ...], explained: bool, what: str) -> None:
    differences = Differences((STACK, COUNTER), lambda _: "kernel bss")
    differences.add(PFN, _page(), _page(*at))
    view = differences.view(pages=1, zeroes=0, seconds=0)
    (difference,) = view.differences
    assert (difference.explained, difference.what) == (explained, what)
    assert (difference.first, difference.count) == (min(at), len(at))
    assert (view.differ, view.unexplained) == (1, int(not explained))
    assert bool(view.dump) is not explained


def test_a_place_in_the_page_before_explains_nothing() -> None:
    differences = Differences((Region("before", BASE - 100, BASE - 1),))
    differences.add(PFN, _page(), _page(4090))
    assert differences.view(pages=1, zeroes=0, seconds=0).unexplained == 1


def test_a_place_over_the_edge_of_a_page_explains_both_sides() -> None:
    differences = Differences((Region("__log_buf", BASE + 4000, BASE + 4200),))
    differences.add(PFN, _page(), _page(4000, 4095))
    differences.add(PFN + 1, _page(), _page(0, 103))
    assert differences.view(pages=2, zeroes=0, seconds=0).unexplained == 0


def test_many_differences_are_counted_and_few_are_kept() -> None:
    differences = Differences()
    for pfn in range(500):
        differences.add(pfn, _page(), _page(1))
    differences.missing(1000)
    view = differences.view(pages=500, zeroes=0, seconds=0)
    assert (view.differ, view.unexplained, len(view.differences)) == (501, 501, 32)


def test_the_dump_shows_both_and_no_more_than_it_must() -> None:
    assert hexdump(_page(), _page(18)).splitlines() == [
        "010  expected  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
        "     found     00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00",
    ]
    everything = np.ones(4096, dtype=np.uint8)
    assert hexdump(_page(), everything).splitlines()[-1] == "and 240 lines more"


def test_symbols_lie_where_the_kernel_was_moved_to() -> None:
    space = Space(page_offset=0xFF11000000000000, phys_base=0x6A00000)
    symbols = {
        "nr_copy_pages": [(0xFFFFFFFF8D000010, 0xFFFFFFFF8D000014)],
        "console_srcu_srcu_data": [(0x2000, 0x2100)],
        "swsusp_save": [(0xFFFFFFFF8C000000, 0xFFFFFFFF8C000100)],
    }
    found = written(Places(symbols=symbols), space, 0xFF1100001E800000, [(16, 32)])
    assert found == (
        Region("the saver's stack", 16, 32),
        Region("nr_copy_pages", 0x0D000010 + 0x6A00000, 0x0D000014 + 0x6A00000),
        Region("console_srcu_srcu_data", 0x1E802000, 0x1E802100),
    )
