"""Garbled images by the ten thousand: each is told in words, or is read as it was written.

10,000 cases, 100,000 where CI is set, which takes half a minute; HIBTEST_FUZZ=10000000 asks for
more of them, HIBTEST_FUZZ_SEED=2 for others.
"""

import os
import random
import resource
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from hibtest.errors import SpecError
from hibtest.image.blocks import Blocks
from hibtest.image.survey import Survey, survey_disk
from tests.image.mutate import Target, spots_of, target
from tests.image.writer import PAGE, ZERO, Recipe, stream, write

Reader = Callable[[Blocks], Survey]

CASES = int(os.environ.get("HIBTEST_FUZZ") or (100_000 if os.environ.get("CI") else 10_000))
SEED = int(os.environ.get("HIBTEST_FUZZ_SEED", "1"))
MOST_MIB = 150  # beside what the tests themselves take

FLAGGED = tuple(pfn | (0 if pfn % 5 else ZERO) for pfn in range(7, 60))
KINDS = {
    "lzo": Recipe(words=tuple(range(40))),
    "lzo-flagged-at-offset": Recipe(words=FLAGGED, offset=5),
    "lzo-strided": Recipe(words=FLAGGED, stride=-1, first=40),
    "lz4": Recipe(words=FLAGGED, codec="lz4"),
    "lz4-many": Recipe(words=tuple(range(300)), codec="lz4"),
    "none": Recipe(words=tuple(range(40)), codec="none"),
    "none-flagged": Recipe(words=FLAGGED, codec="none", empty_tail=False),
    "none-two-maps": Recipe(words=tuple(range(520)), codec="none"),
}
SLOW = {"none-two-maps", "lz4-many"}


def check(found: Survey, right: Survey) -> str:
    """Check that what was found of a garbled image can be true; return what it came to."""
    if found.damage:
        assert found.damage.what
        assert found.damage.field
        assert found.sound == (found.state == "remains")
        return found.damage.field.split()[0]
    if found.state == "none":
        assert found.contains
        return "none"
    if found.crc is None:
        return "unprotected"
    if not found.crc.right:
        return "crc"
    if found.crc == right.crc:  # then the stream is the one that was written
        for name in ("data_pages", "zero_flagged", "all_zero", "pfn_first", "pfn_last"):
            assert getattr(found, name) == getattr(right, name)
        return "whole"
    return "crc"


def garble(it: Target, cases: int, *, offset: int = 0, raw: bool = False) -> Counter[str]:
    """Read so many garbled images and count what they came to."""
    survey = partial(survey_disk, offset=offset, stream=raw)
    right = survey(it.whole())
    assert right.sound
    return garble_any(it, cases, survey=survey, right=right)


def garble_any(
    it: Target, cases: int, *, survey: Reader = survey_disk, right: Survey | None = None
) -> Counter[str]:
    """Garble an image that is not whole, or one whose survey is known."""
    right = right or survey(it.whole())
    seen: Counter[str] = Counter()
    for case in range(cases):
        rng = random.Random(f"{SEED} {it.name} {case}")  # noqa: S311
        with it.garbled(rng) as device:
            try:
                seen[check(survey(device), right)] += 1
            except SpecError:  # cut before the header
                seen["none"] += 1
            except Exception as error:
                error.add_note(f"case {case} of {it.name}, seed {SEED}")
                raise
    return seen


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("kind", KINDS)
def test_garbled_images(kind: str) -> None:
    recipe = KINDS[kind]
    written = write(recipe)
    cases = CASES // (100 if kind in SLOW else 7)
    before = peak_mib()
    with target(kind, written.disk, spots_of(written, recipe.offset)) as it:
        seen = garble(it, cases, offset=recipe.offset)
    assert peak_mib() - before < MOST_MIB
    assert seen.total() <= cases
    if CASES >= 100000:  # the cases reach all parts
        assert {"none", "swap", "magic", "size", "pfn", "image"} <= set(seen)
    if CASES >= 100000 and recipe.codec != "none":
        assert {"cmp_len", "crc", recipe.codec, "whole"} <= set(seen)


def test_garbled_streams() -> None:
    content = b"".join(stream(Recipe(words=FLAGGED)))
    spots = [(0, 40), (400, 440), (PAGE, PAGE + 512), (0, len(content))]
    with target("stream", content, spots) as it:
        seen = garble(it, CASES // 7, raw=True)
    assert set(seen) >= {"magic", "size", "pages", "pfn", "unprotected"}


def test_garbled_copies_of_a_swap_file() -> None:
    recipe = Recipe(words=FLAGGED, offset=38)
    written = write(recipe)
    shift = recipe.offset * PAGE
    spots = [(at - shift, end - shift) for at, end in spots_of(written, recipe.offset)]
    with target("copy", written.disk[shift:], spots) as it:
        seen = garble_any(it, CASES // 20)
    assert {"whole", "unprotected"} <= set(seen)


@pytest.mark.parametrize("page", [PAGE, 4 * PAGE])
def test_garbled_images_of_another_architecture(page: int) -> None:
    fields = struct.pack("<IIQI10s10s", 0, 0, 1, 4, b"SWAPSPACE2", b"S1SUSPEND\0")
    pages = (fields.rjust(page, b"\0"), struct.pack("<Q", 2), b"#1 SMP PREEMPT Debian 6.12.9-1")
    content = b"".join(part.ljust(page, b"\0") for part in pages)
    spots = [(page - 40, page), (page, page + 16), (2 * page, 2 * page + 80)]
    with target(f"foreign {page}", content, spots) as it:
        seen = garble_any(it, CASES // 20)
    assert "unprotected" in seen


def test_noise() -> None:
    rng = random.Random(SEED)  # noqa: S311
    armed = write(replace(Recipe(), header={"image": 1})).disk
    for _ in range(CASES // 100):
        content = armed[:PAGE] + rng.randbytes(PAGE * rng.randrange(8))
        with target("noise", content, []) as it:
            assert survey_disk(it.whole()).damage is not None
