"""The rules by which witnesses that work are compared."""

from typing import Any

import pytest

from hibtest.verdict.witnesses import differences

PLANTED = {"workers": [{"pid": 5, "starttime": 100}], "threads": 3, "step": 12}
FOUND: dict[str, Any] = {
    "workers": PLANTED["workers"], "step": 60, "errors": 0, "first": None, "goes_on": True,
    "silent": 0,
}  # fmt: skip
COUNTING = {"pid": 5, "starttime": 100, "count": 1, "said": 1}
COUNTED: dict[str, Any] = {
    "pid": 5, "starttime": 100, "count": 46, "said": 7, "later": 51, "astray": 0,
    "log": [5, 6, 7, 8], "console": {"now": [8, 9, 11], "before": 7},
}  # fmt: skip

WORKING = ("working-memory", "working-shared", "working-tmpfs", "working-page-cache",
           "working-file", "working-huge")  # fmt: skip


@pytest.mark.parametrize("name", WORKING)
def test_a_crew_that_went_on_has_no_differences(name: str) -> None:
    assert differences(name, PLANTED, FOUND) == ()
    assert differences(name, {"lacking": "no huge pages"}, None) == ()


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"errors": 1, "first": ["page", 17, 42, 41]},
         "page 17 is of pass 41, before pass 42 in which it was written"),
        ({"errors": 3, "first": ["page", 17, 42, 43]},
         "page 17 is of pass 43, after pass 42 in which it was written, the first of 3 times"),
        ({"errors": 1, "first": ["torn", 3, 42, 41]},
         "page 3, of pass 42, is torn: it begins as one of pass 41"),
        ({"errors": 1, "first": ["turn", 2, 96, 100]},
         "worker 2 was to do step 96, but its turn was for step 100"),
        ({"errors": 1, "first": ["disk", 2, 8, 11]},
         "worker 2 had counted to 8 on the disk, which says 11"),
        ({"errors": 1, "first": ["errno", 0, 0, 5]},
         "worker 0 could not count on the disk: errno 5"),
        ({"step": 11}, "went back from step 12 to 11"),
        ({"goes_on": False, "silent": 3}, "stands still at step 60"),
        ({"silent": 1}, "1 of its workers did not answer"),
        ({"workers": [{"pid": 5, "starttime": None}]}, "its processes were [{'pid': 5, "),
        ({"errors": 1, "first": None}, "facts of another shape"),
    ],
)  # fmt: skip
def test_a_crew_that_did_not_go_on_says_what(changed: dict[str, Any], text: str) -> None:
    [found] = differences("working-memory", PLANTED, {**FOUND, **changed})
    assert found.startswith(f"working-memory: {text}")


def test_a_process_that_counted_on_has_no_differences() -> None:
    assert differences("working-console", COUNTING, COUNTED) == ()
    alone = {key: value for key, value in COUNTED.items() if key != "console"}
    assert differences("working-console", COUNTING, alone) == ()
    assert differences("working-console", COUNTING, {**COUNTED, "log": []}) == ()


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"starttime": 900}, "starttime was 100, is 900"),
        ({"count": 0}, "counted back from 1 to 0"),
        ({"later": 46}, "stands still at 46"),
        ({"astray": 2}, "count was not its own 2 times"),
        ({"log": [5, 7, 8]}, "in the kernel's log 7 comes after 5"),
        ({"log": [5, 6, 7, 7]}, "in the kernel's log 7 comes after 7"),
        ({"log": [5, 6]}, "7 was said, the kernel's log ends with 6"),
        ({"console": {"now": [6, 7, 8], "before": 7}},
         "said 6 in an earlier boot already: it ran on after the snapshot"),
    ],
)  # fmt: skip
def test_a_process_that_did_not_count_on_says_what(changed: dict[str, Any], text: str) -> None:
    found = {**COUNTED, **changed}
    assert differences("working-console", COUNTING, found) == (f"working-console: {text}",)
