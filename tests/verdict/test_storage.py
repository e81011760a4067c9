"""What a writer's disk lost, or has from a future, is the verdict, with number and place."""

from dataclasses import replace
from typing import Any

import pytest

from hibtest.evidence import WitnessReport
from hibtest.spec import Outcome
from hibtest.verdict import judge
from hibtest.verdict.witnesses import differences
from tests.verdict.test_judge import COLD, GOOD, RESUME, SAVE, SCENARIO

PLANTED = {"writer": {"pid": 5, "starttime": 100}, "acknowledged": 3}
LAST = {"appended": 60, "direct": 60, "renamed": 60}
FOUND: dict[str, Any] = {
    "writer": PLANTED["writer"], "acknowledged": 60, "last": LAST, "wrong": None,
    "goes_on": True, "errors": 0, "first": None,
}  # fmt: skip
LEFT: dict[str, Any] = {"last": LAST, "wrong": None}


def test_a_writer_that_went_on_has_no_differences() -> None:
    assert differences("storage-root", PLANTED, FOUND) == ()
    assert differences("storage-data", {"acknowledged": 60}, LEFT) == ()
    assert differences("storage-data", {"lacking": "there is no data disk"}, None) == ()


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"wrong": ["direct", "lost", 41, 163840]},
         "direct: number 41 is lost, at byte 163840: 60 were acknowledged"),
        ({"first": ["direct", "future", 61, 245760], "errors": 1},
         "direct: number 61, at byte 245760, is from the future: this life did not write it"),
        ({"first": ["renamed", "errno", 5, 0], "errors": 9},
         "renamed: the writer failed with errno 5"),
        ({"goes_on": False}, "stands still at 60"),
        ({"acknowledged": 2}, "went back from 3 to 2"),
        ({"writer": {"pid": 5, "starttime": None}}, "the writer was {'pid': 5, "),
        ({"wrong": ["direct"]}, "facts of another shape"),
    ],
)  # fmt: skip
def test_one_that_did_not_says_what(changed: dict[str, Any], text: str) -> None:
    first, *_ = differences("storage-data", PLANTED, {**FOUND, **changed})
    assert first.startswith(f"storage-data: {text}")


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        ({**LEFT, "wrong": ["appended", "lost", 61, 3840]}, "witness-storage-lost"),
        ({**LEFT, "wrong": ["direct", "future", 61, 0]}, "witness-storage-future"),
        (None, "witness-storage-data"),
        ({"wrong": 7}, "witness-storage-data"),
    ],
)
def test_what_is_read_back_after_a_power_cut_is_judged(found: object, cause: str) -> None:
    report = WitnessReport(name="storage-data", planted={"acknowledged": 60}, found=found)
    boots = (SAVE, RESUME, replace(COLD, witnesses=(report,)))
    verdict = judge(SCENARIO, replace(GOOD, boots=boots))
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, cause), str(verdict)
    assert verdict.reason.startswith("cold boot: witness storage-data: ")
