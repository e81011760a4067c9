"""Kept pages, and views of them."""

from pathlib import Path

import numpy as np
import pytest

from hibtest.cycle.proof.compare import compare
from hibtest.cycle.proof.explain import Differences
from hibtest.cycle.proof.kept import Kept
from hibtest.cycle.proof.pages import pages_of
from hibtest.errors import HostError
from hibtest.machine.memory import GuestMemory, RamRange

NONE = np.empty(0, dtype=np.int64)


def _memory() -> GuestMemory:
    pages = np.random.default_rng(2).integers(0, 256, (64, 4096), dtype=np.uint8)
    pages[40:44] = 0
    # two banks: the second lies elsewhere for the guest
    ranges = (RamRange(pfn=0, row=0, pages=32), RamRange(pfn=0x100, row=32, pages=32))
    return GuestMemory(pages, ranges)


PFNS = np.array([1, 2, 3, 30, 0x100, 0x10F], dtype=np.int64)


def test_kept_pages_stay_what_they_were(tmp_path: Path) -> None:
    memory = _memory()
    was = memory.pages[memory.rows(PFNS)].copy()
    kept = Kept(memory, PFNS, tmp_path)
    memory.pages[:] = 7
    assert np.array_equal(kept.pages, was)
    assert kept.rows(np.array([3, 4, 0x10F, 0x200])).tolist() == [2, -1, 5, -1]
    assert list(tmp_path.iterdir()) == []
    kept.close()


def test_pages_without_ram_are_not_kept(tmp_path: Path) -> None:
    kept = Kept(_memory(), np.array([1, 0x80, 0x100]), tmp_path)
    assert kept.pfns.tolist() == [1, 0x100]
    assert Kept(_memory(), NONE, tmp_path).rows(PFNS).tolist() == [-1] * len(PFNS)


def test_no_room_is_the_hosts_trouble() -> None:
    with pytest.raises(HostError, match="cannot be kept"):
        Kept(_memory(), PFNS, Path("/proc/self/nowhere"))


def test_a_view_of_the_same_is_exact(tmp_path: Path) -> None:
    memory = _memory()
    kept = Kept(memory, PFNS, tmp_path)
    zero = np.arange(0x108, 0x10C, dtype=np.int64)
    view = compare(pages_of(kept, kept.pfns), zero, memory, Differences())
    assert (view.pages, view.zeroes, view.differ) == (6, 4, 0)


def test_a_view_names_each_page_that_changed(tmp_path: Path) -> None:
    memory = _memory()
    kept = Kept(memory, PFNS, tmp_path)
    memory.pages[memory.rows(np.array([3, 0x109])), 5] ^= 1
    zero = np.array([0x108, 0x109, 0x500], dtype=np.int64)
    view = compare(pages_of(kept, kept.pfns), zero, memory, Differences())
    assert [page.pfn for page in view.differences] == [3, 0x109, 0x500]
    assert view.unexplained == view.differ == 3
