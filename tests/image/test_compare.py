"""Pages against pages: by sweeps, by gathering, and by one page after another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hibtest.image.compare import differing, not_zero

PAGES = 96


def _memory() -> NDArray[np.uint8]:
    generator = np.random.default_rng(1)
    return generator.integers(0, 256, (PAGES, 4096), dtype=np.uint8)


MEMORY = _memory()


@given(
    rows=st.lists(st.integers(-1, PAGES - 1), max_size=300),
    runs=st.booleans(),
    flips=st.lists(st.tuples(st.integers(0, 299), st.integers(0, 4095)), max_size=5),
)
def test_what_differs_is_found(rows: list[int], runs: bool, flips: list[tuple[int, int]]) -> None:
    chosen = np.array(sorted(set(rows)) if runs else rows, dtype=np.int64)
    pages = MEMORY[chosen].copy()
    for index, at in flips:
        if index < len(pages):
            pages[index, at] ^= 1
    expected = [
        index
        for index, row in enumerate(chosen)
        if row < 0 or not np.array_equal(MEMORY[row], pages[index])
    ]
    assert differing(MEMORY, chosen, pages).tolist() == expected


def test_two_pages_that_changed_places_are_both_found() -> None:
    rows = np.arange(20, dtype=np.int64)
    pages = MEMORY[rows].copy()
    pages[[3, 9]] = pages[[9, 3]]
    assert differing(MEMORY, rows, pages).tolist() == [3, 9]


@pytest.mark.parametrize("at", [0, 7, 4095])
def test_one_byte_is_not_zero(at: int) -> None:
    memory = np.zeros((700, 4096), dtype=np.uint8)
    memory[600, at] = 1
    rows = np.array([*range(0, 700, 2), -1], dtype=np.int64)
    assert not_zero(memory, rows).tolist() == [300, 350]
