"""Real images that are tampered with while the machine is off: each page is named."""

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest import images
from hibtest.bench.catalogue import scenarios
from hibtest.bench.prepare import Bench, bench
from hibtest.evidence import Evidence
from hibtest.image.header import PAGE_SIZE
from hibtest.image.reader import Image, open_image
from hibtest.probe import pages
from hibtest.spec import Outcome, Scenario
from hibtest.verdict import Verdict
from tests.cycle.counted import run_counted

pytestmark = pytest.mark.guest

TEXTS = (pages.TEXT, pages.TEXT + 16, pages.TEXT + 32)  # pages of a region that are text
MEMORY_SEED = 1  # of the witness ``memory``: hibtest/probe/witnesses/memory.py anonymous()
ZERO_FLAG = 1 << 63  # ENCODED_PFN_ZERO_FLAG, kernel/power/snapshot.c (since v6.9)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    images.build(["trixie"])
    return bench(tmp_path_factory.mktemp("runs"), "auto")


@pytest.fixture
def scenario() -> Scenario:
    """One life, with an image that has no checksum: nothing but the proof can tell."""
    found = next(one for one in scenarios() if one.name == "baseline-trixie-shutdown-2cpu")
    guest = replace(found.guest, append=("hibernate=nocompress",))
    return replace(found, name="tampered", guest=guest, lives=1)


def _run(
    here: Bench, scenario: Scenario, at_rest: Callable[[Path], None]
) -> tuple[Evidence, Verdict]:
    return run_counted(here, scenario, at_rest)


def _data_block(image: Image, index: int) -> int:
    """Return the block of the device that holds a data page."""
    assert image.swap_map is not None
    return int(image.swap_map.blocks()[1 + image.info.meta_pages + index])


def _texts(image: Image, numbers: tuple[int, ...]) -> list[int]:
    """Return which data pages are these pages of text of the witness ``memory``.

    Nobody but the witness reads them: the guest lives on with wrong ones, and no kernel minds.
    """
    texts = [pages.content(1, MEMORY_SEED, number) for number in numbers]
    found: dict[bytes, int] = {}
    first = 0
    for chunk in image.chunks():
        for at, page in enumerate(chunk.data):
            content = page.tobytes()
            if content in texts:
                found[content] = first + at
        first += len(chunk.data)
    return [found[text] for text in texts]


def test_a_flipped_bit_and_two_pages_that_changed_places_are_named(
    here: Bench, scenario: Scenario
) -> None:
    tampered: list[int] = []

    def at_rest(disk: Path) -> None:
        with open_image(disk) as image:
            chosen = _texts(image, TEXTS)
            blocks = [_data_block(image, index) for index in chosen]
            tampered[:] = [int(image.pfns[index]) for index in chosen]
        with disk.open("r+b") as file:
            old = []
            for block in blocks:
                file.seek(block * PAGE_SIZE)
                old.append(bytearray(file.read(PAGE_SIZE)))
            old[0][77] ^= 0x10
            for block, page in zip(blocks, (old[0], old[2], old[1]), strict=True):
                file.seek(block * PAGE_SIZE)
                file.write(page)

    evidence, verdict = _run(here, scenario, at_rest)
    saved = evidence.boots[0].saved
    assert saved is not None
    assert saved.view is not None
    named = [page.pfn for page in saved.view.differences if not page.explained]
    assert named == sorted(tampered)
    assert saved.view.unexplained == 3
    assert saved.view.dump
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "page-saved")
    assert f"PFN {min(tampered):#x}" in verdict.reason
    first, second, third = tampered
    how = {page.pfn: page.how for page in saved.view.differences if not page.explained}
    assert how == {
        first: "",
        second: f"exchanged with PFN {third:#x}",
        third: f"exchanged with PFN {second:#x}",
    }
    found = {one.name: one.found for one in evidence.boots[1].witnesses}["memory"]
    assert [page for page, _, _ in found["named"]] == list(TEXTS)


def test_a_zero_flag_that_is_dropped_is_found_and_refused(here: Bench, scenario: Scenario) -> None:
    def at_rest(disk: Path) -> None:
        with open_image(disk) as image:
            assert image.swap_map is not None
            first = int(image.zero_pfns[0])
            blocks = image.swap_map.blocks()[1 : 1 + image.info.meta_pages].tolist()
        with disk.open("r+b") as file:
            for block in blocks:
                file.seek(block * PAGE_SIZE)
                page = file.read(PAGE_SIZE)
                flagged = struct.pack("<Q", first | ZERO_FLAG)
                if flagged in page:
                    file.seek(block * PAGE_SIZE + page.index(flagged))
                    file.write(struct.pack("<Q", first))

    evidence, verdict = _run(here, scenario, at_rest)
    saved = evidence.boots[0].saved
    assert saved is not None
    assert saved.damage
    assert "the image cannot be read" in verdict.reason
    assert verdict.outcome is not Outcome.RESUMED
