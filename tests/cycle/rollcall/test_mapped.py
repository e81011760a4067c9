"""Page tables that are made up, and what they map."""

import numpy as np
import pytest

from hibtest.cycle.rollcall.mapped import mapped
from tests.cycle.rollcall.linux import LARGE, PAGE, USER, WRITABLE, Linux

TOP, UPPER, MIDDLE, LOWEST = 40, 41, 42, 43  # pages


def _linux(entries: dict[int, int], *, on_the_way: int = USER | WRITABLE) -> Linux:
    linux = Linux()
    linux.table(TOP, {3: UPPER * PAGE | USER | WRITABLE})
    linux.table(UPPER, {0: MIDDLE * PAGE | USER | WRITABLE})
    linux.table(MIDDLE, {511: LOWEST * PAGE | on_the_way})
    linux.table(LOWEST, entries)
    return linux


def _asked(linux: Linux, *pfns: int, levels: int = 4) -> tuple[list[bool], list[bool]]:
    read, write = mapped(linux.memory, np.array(pfns), TOP * PAGE, levels)
    return read.tolist(), write.tolist()


def test_pages_are_mapped_to_be_read_or_written() -> None:
    linux = _linux({0: 5 * PAGE | USER, 511: 6 * PAGE | USER | WRITABLE, 7: 9 * PAGE | 0x1})
    assert _asked(linux, 5, 6, 7, 9) == (
        [True, True, False, False],  # the last is for the kernel alone
        [False, True, False, False],
    )


def test_what_a_table_above_forbids_is_forbidden() -> None:
    linux = _linux({0: 5 * PAGE | USER | WRITABLE}, on_the_way=USER)
    assert _asked(linux, 5) == ([True], [False])


def test_what_is_not_present_is_not_mapped() -> None:
    linux = _linux({0: 5 * PAGE | USER & ~1 | WRITABLE})
    assert _asked(linux, 5) == ([False], [False])


def test_a_bit_that_means_large_above_means_nothing_in_the_lowest_table() -> None:
    linux = _linux({0: 5 * PAGE | USER | LARGE})
    assert _asked(linux, 5, 6) == ([True, False], [False, False])


def test_a_large_page_is_many() -> None:
    linux = _linux({})
    linux.table(MIDDLE, {0: 0x4000_0000 | USER | LARGE | WRITABLE})
    first = 0x4000_0000 // PAGE
    assert _asked(linux, first - 1, first, first + 511, first + 512) == (
        [False, True, True, False],
        [False, True, True, False],
    )


def test_the_upper_half_is_the_kernels() -> None:
    linux = _linux({0: 5 * PAGE | USER})
    linux.table(TOP, {3: 0, 256: UPPER * PAGE | USER})
    assert _asked(linux, 5) == ([False], [False])


def test_there_may_be_five_levels() -> None:
    linux = _linux({0: 5 * PAGE | USER | WRITABLE})
    linux.table(50, {1: TOP * PAGE | USER | WRITABLE})
    read, write = mapped(linux.memory, np.array([5]), 50 * PAGE, 5)
    assert (read.tolist(), write.tolist()) == ([True], [True])


def test_a_table_that_is_not_in_memory_maps_nothing() -> None:
    linux = _linux({0: 5 * PAGE | USER})
    linux.table(UPPER, {0: 0x7F_FFFF * PAGE | USER})
    assert _asked(linux, 5) == ([False], [False])


@pytest.mark.parametrize("levels", [4, 5])
def test_tables_that_name_themselves_end(levels: int) -> None:
    linux = Linux()
    linux.table(TOP, dict.fromkeys(range(512), TOP * PAGE | USER | WRITABLE))
    assert _asked(linux, TOP, 5, levels=levels) == ([True, False], [True, False])
