"""Verdicts from made-up proofs: an exact one, and each way in which it is not."""

from dataclasses import replace
from typing import Any

import pytest

from hibtest.evidence import (
    DiskProof,
    ImageFacts,
    Ledger,
    PageDifference,
    RestoreProof,
    SaveProof,
    View,
)
from hibtest.spec import AgentMethod, KernelMethod, Method, Outcome, Protect
from hibtest.verdict import judge
from tests.verdict.test_judge import COLD, GOOD, HANG, RESUME, SAVE, SCENARIO

STACK = PageDifference(
    pfn=0x1C00, count=9, first=8, expected="a", found="b", what="the saver's stack", explained=True
)
WRONG = replace(STACK, pfn=0x77, what="kernel bss", explained=False)
EXACT = View(pages=100, zeroes=10)
EXPLAINED = replace(EXACT, differ=1, differences=(STACK,))
OFF = replace(EXACT, differ=2, unexplained=1, differences=(WRONG, STACK))
IMAGE = ImageFacts(codec="lzo", data_pages=100, zero_pages=10, stored=1 << 20, crc_right=True)
LEDGER = Ledger(ram=300, data=100, zero=10, free=80, copies=100, nosave=10)
SAVED = SaveProof(image=IMAGE, view=EXPLAINED, ledger=LEDGER)
RESTORED = RestoreProof(image=EXACT, snapshot=EXPLAINED)


def _judged(
    saved: SaveProof | None = SAVED, restored: RestoreProof | None = RESTORED
) -> tuple[Outcome, str, str]:
    boots = (replace(SAVE, saved=saved), replace(RESUME, restored=restored), COLD)
    verdict = judge(SCENARIO, replace(GOOD, boots=boots, proof=True))
    return verdict.outcome, verdict.cause, verdict.reason


def test_an_exact_proof_is_told() -> None:
    outcome, _, reason = _judged()
    assert outcome is Outcome.RESUMED
    assert "110 pages exact" in reason


@pytest.mark.parametrize(
    ("saved", "restored", "cause", "said"),
    [
        pytest.param(replace(SAVED, view=OFF), RESTORED, "page-saved", "PFN 0x77 (kernel bss)"),
        pytest.param(
            replace(SAVED, view=None, damage="block 7: cmp_len: 0"),
            RESTORED,
            "image-damaged",
            "block 7: cmp_len",
        ),
        pytest.param(
            replace(SAVED, image=replace(IMAGE, crc_right=False)),
            RESTORED,
            "image-crc",
            "checksum",
        ),
        pytest.param(
            replace(SAVED, ledger=replace(LEDGER, asked=109, cache=513)),
            RESTORED,
            "image-size",
            "110 pages, 1 more than image_size allows, and 513 of them are page cache",
        ),
        pytest.param(
            replace(SAVED, ledger=replace(LEDGER, lost=3, first=(0x55,))),
            RESTORED,
            "pages-lost",
            "3 pages in use are not in the image, 0 are in it and should not be; first PFN 0x55",
        ),
        pytest.param(
            replace(SAVED, ledger=replace(LEDGER, twice=1)), RESTORED, "pages-lost", "1 are in it"
        ),
        pytest.param(SAVED, replace(RESTORED, image=OFF), "page-restored", "2 of 110 pages"),
        # At the restore nothing is explained away.
        pytest.param(SAVED, replace(RESTORED, image=EXPLAINED), "page-restored", "1 of 110 pages"),
        pytest.param(
            SAVED, replace(RESTORED, snapshot=OFF), "page-changed", "not as they were at the snapsh"
        ),
    ],
)
def test_each_wrong_page_is_corrupt(
    saved: SaveProof, restored: RestoreProof, cause: str, said: str
) -> None:
    outcome, found, reason = _judged(saved, restored)
    assert (outcome, found) == (Outcome.CORRUPT, cause)
    assert said in reason


@pytest.mark.parametrize(
    ("saved", "restored", "said"),
    [
        pytest.param(None, RESTORED, "the snapshot was not seen"),
        pytest.param(SaveProof(lacking="no symbol"), RESTORED, "no symbol"),
        pytest.param(SAVED, None, "the restore was not seen"),
        pytest.param(SAVED, RestoreProof(lacking="no jump"), "no jump"),
    ],
)
def test_what_was_not_compared_is_not_proven(
    saved: SaveProof | None, restored: RestoreProof | None, said: str
) -> None:
    outcome, cause, reason = _judged(saved, restored)
    assert (outcome, cause) == (Outcome.INVALID, "not-proven")
    assert said in reason


def test_without_a_proof_none_is_missed() -> None:
    assert judge(SCENARIO, GOOD).outcome is Outcome.RESUMED


def test_a_hang_tells_of_the_page_that_was_wrong_before_it() -> None:
    boots = (
        replace(SAVE, saved=replace(SAVED, view=OFF)),
        replace(RESUME, hang=HANG, resumed=False),
    )
    verdict = judge(SCENARIO, replace(GOOD, boots=boots, proof=True))
    assert verdict.outcome is Outcome.HUNG
    assert "PFN 0x77" in verdict.reason


@pytest.mark.parametrize(
    "end",
    [
        pytest.param({"hang": HANG}, id="hang"),
        pytest.param({"panic": "Kernel panic - not syncing: a page"}, id="panic"),
    ],
)
def test_a_guest_that_resumed_with_a_wrong_page_and_died_is_corrupt(end: dict[str, Any]) -> None:
    boots = (replace(SAVE, saved=replace(SAVED, view=OFF)), replace(RESUME, **end))
    verdict = judge(SCENARIO, replace(GOOD, boots=boots, proof=True))
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "page-saved")
    assert "PFN 0x77" in verdict.reason
    assert "; then " in verdict.reason


@pytest.mark.parametrize(
    ("method", "cause"),
    [
        pytest.param(AgentMethod(protect=Protect.DM_SNAPSHOT), "disk-changed"),
        pytest.param(AgentMethod(protect=Protect.FSFREEZE), "disk-changed"),
        pytest.param(AgentMethod(), ""),
        pytest.param(KernelMethod(), ""),
    ],
)
def test_a_disk_that_was_written_to_after_the_snapshot(method: Method, cause: str) -> None:
    disk = DiskProof(
        serial="root", at_snapshot="a", at_power_off="b", differ=3, first=(0x10000,), seconds=0.5
    )
    boots = (replace(SAVE, saved=SAVED, disks=(disk,)), replace(RESUME, restored=RESTORED), COLD)
    evidence = replace(GOOD, boots=boots, proof=True)
    verdict = judge(replace(SCENARIO, method=method), evidence)
    assert verdict.cause == cause
    if cause:
        assert "3 pieces of 64 KiB of the disk root" in verdict.reason
        assert "0x10000" in verdict.reason
        same = replace(disk, at_power_off="a", differ=0)
        good = (replace(boots[0], disks=(same,)), *boots[1:])
        assert not judge(replace(SCENARIO, method=method), replace(evidence, boots=good)).cause


@pytest.mark.parametrize(
    ("asked", "cache"), [(110, 999), (109, 512), (0, 621), (0, 0), (None, 9999)]
)
def test_an_image_that_could_not_be_smaller_is_in_order(asked: int | None, cache: int) -> None:
    ledger = replace(LEDGER, asked=asked, cache=cache)
    assert _judged(replace(SAVED, ledger=ledger))[0] is Outcome.RESUMED


def test_pages_that_were_lost_are_told_of_a_guest_that_started_afresh() -> None:
    lost = replace(SAVED, ledger=replace(LEDGER, lost=3, first=(0x55,)))
    afresh = replace(RESUME, resumed=False, ready=True)
    boots = (replace(SAVE, saved=lost), afresh)
    verdict = judge(SCENARIO, replace(GOOD, boots=boots, proof=True))
    assert verdict.outcome is Outcome.COLD_BOOT
    assert "3 pages in use are not in the image" in verdict.reason
