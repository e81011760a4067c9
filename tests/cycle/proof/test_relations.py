"""Which side of a difference is which, and what a page that is wrong holds instead."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hibtest.cycle.proof.compare import compare
from hibtest.cycle.proof.explain import Differences
from hibtest.cycle.proof.kept import Kept
from hibtest.cycle.proof.pages import Page, pages_of
from hibtest.cycle.proof.relations import Digests, Whole, digest
from hibtest.cycle.proof.save import prove_save, written_since
from hibtest.cycle.proof.snapshot import Snapshot
from hibtest.evidence import PageDifference
from hibtest.image.place import ImagePlace
from hibtest.machine.memory import GuestMemory
from tests.cycle.kernels import DATA, ZEROES
from tests.cycle.proof.test_pictures import PFNS, memory, place, snapshot

__all__ = ["memory", "place", "snapshot"]  # fixtures
NONE = np.empty(0, dtype=np.int64)


def _page(byte: int) -> Page:
    return np.full(4096, byte, dtype=np.uint8)


def _differing(times: tuple[Digests | Whole, ...], *pages: tuple[int, Page, Page]) -> list[str]:
    differences = Differences(times=times)
    for pfn, expected, found in pages:
        differences.add(pfn, expected, found)
    return [one.how for one in differences.view(pages=9, zeroes=0, seconds=0).differences]


def test_what_is_expected_is_memory_at_the_save_and_the_image_at_the_restore(
    tmp_path: Path, memory: GuestMemory
) -> None:
    kept = Kept(memory, PFNS, tmp_path)
    memory.pages[20, 60] ^= 1
    for right in (True, False):
        differences = Differences()
        compare(pages_of(kept, kept.pfns), NONE, memory, differences, memory_is_right=right)
        view = differences.view(pages=1, zeroes=0, seconds=0)
        held, stored = digest(memory.pages[20]), digest(kept.pages[kept.rows(np.array([20]))[0]])
        [page] = view.differences
        assert (page.expected, page.found) == ((held, stored) if right else (stored, held))
        at_first = memory.pages[20] if right else kept.pages[kept.rows(np.array([20]))[0]]
        assert view.dump.splitlines()[0].endswith(at_first[48:64].tobytes().hex(" "))
    kept.close()


def _saved(snapshot: Snapshot, place: ImagePlace, now: GuestMemory | None = None) -> PageDifference:
    since = None if now is None else written_since(snapshot, now)
    view = prove_save(snapshot, place, since).view
    assert view
    return view.differences[0]


def test_an_image_is_held_against_what_memory_held(
    memory: GuestMemory, place: ImagePlace, snapshot: Snapshot, tmp_path: Path
) -> None:
    was = digest(memory.pages[DATA[0]])
    memory.pages[DATA[0], 60] ^= 1
    kept = Kept(memory, PFNS, tmp_path)
    page = _saved(replace(snapshot, kept=kept), place)
    assert (page.expected, page.found) == (digest(memory.pages[DATA[0]]), was)
    kept.close()


def test_a_page_that_the_image_flags_as_zero_is_called_that(
    memory: GuestMemory, place: ImagePlace, snapshot: Snapshot, tmp_path: Path
) -> None:
    memory.pages[ZEROES[0], 4095] = 1
    kept = Kept(memory, PFNS, tmp_path)
    page = _saved(replace(snapshot, kept=kept), place)
    assert (page.pfn, page.how) == (ZEROES[0], "the image flags it as zero")
    kept.close()


def test_a_page_of_an_image_that_is_older_or_newer_than_the_snapshot_is_called_that(
    memory: GuestMemory, place: ImagePlace, snapshot: Snapshot, tmp_path: Path
) -> None:
    """The image has what was there at first; the snapshot before it, or the end, has, too."""
    at = DATA[1]
    first = Kept(memory, PFNS, tmp_path)
    before = replace(snapshot, kept=first).digested()
    memory.pages[at, 9] ^= 1
    kept = Kept(memory, PFNS, tmp_path)
    stale = _saved(replace(snapshot, kept=kept, before=(before,)), place)
    assert (stale.pfn, stale.how) == (at, "stale: as at the snapshot before")
    memory.pages[at, 9] ^= 1
    later = _saved(replace(snapshot, kept=kept), place, memory)
    assert (later.pfn, later.how) == (at, "later contents: as at the power-off")
    first.close()
    kept.close()


@pytest.mark.parametrize(
    ("pages", "how"),
    [
        (
            ((1, _page(1), _page(2)), (2, _page(2), _page(1))),
            ["exchanged with PFN 0x2", "exchanged with PFN 0x1"],
        ),
        (
            ((1, _page(1), _page(2)), (2, _page(2), _page(3)), (3, _page(3), _page(9))),
            ["it holds what belongs to PFN 0x2", "it holds what belongs to PFN 0x3", ""],
        ),
        # a page of zeros is nobody's
        (((1, _page(1), _page(0)), (2, _page(0), _page(9))), ["", ""]),
        (((1, _page(1), _page(9)),), [""]),
    ],
    ids=["exchanged", "moved", "zeros", "nobody's"],
)  # fmt: skip
def test_whose_contents_a_page_holds(
    pages: tuple[tuple[int, Page, Page], ...], how: list[str]
) -> None:
    assert _differing((), *pages) == how


def test_pages_that_are_not_kept_in_evidence_are_related_as_well() -> None:
    wrong = [(pfn, _page(pfn), _page(200 + pfn % 40)) for pfn in range(1, 40)]
    swapped = [(100, _page(100), _page(39 + 200)), (101, _page(39 + 200), _page(100))]
    how = _differing((), swapped[0], *wrong, swapped[1])
    assert len(how) == 32
    assert how[0] == "exchanged with PFN 0x65"


@pytest.mark.parametrize("bit", [0, 7, 63])
@pytest.mark.parametrize("word", [0, 17, 511])
def test_a_digest_tells_pages_apart_by_any_bit(memory: GuestMemory, word: int, bit: int) -> None:
    digests = Digests.of("as then", memory, PFNS)
    page = memory.pages[PFNS[3]].copy()
    assert digests.held(int(PFNS[3]), page)
    assert not digests.held(int(PFNS[4]), page)
    assert not digests.held(10**6, page)
    page.view(np.uint64)[word] ^= np.uint64(1 << bit)
    assert not digests.held(int(PFNS[3]), page)
