"""The rules by which witnesses are compared."""

from typing import Any

import pytest

from harness.verdict.witnesses import differences

PAGES = {"pages": 256, "crc": 7}
SAME_PAGES = {"pages": 256, "crc": 7, "differing": 0, "named": []}
OTHER_PAGES = {"pages": 256, "crc": 8, "differing": 2, "named": [[3, 1, 2], [9, 1, 2]]}
COUNTER = {"pid": 5, "starttime": 100, "count": 40}
COUNTS_ON = {"pid": 5, "starttime": 100, "count": 60, "later": 61, "astray": 0}

WHOLE: list[tuple[str, Any, Any]] = [
    ("boot-id", {"boot_id": "a"}, {"boot_id": "a"}),
    ("counter", COUNTER, COUNTS_ON),
    ("memory", {**PAGES, "huge_kib": 8192}, SAME_PAGES),
    ("locked-memory", {**PAGES, "locked_kib": 1024}, {**SAME_PAGES, "locked_kib": 1024}),
    ("page-cache", PAGES, {**SAME_PAGES, "resident": 256, "disk": SAME_PAGES}),
    ("swapped-memory", {"lacking": "no swap is on"}, None),
]

BROKEN: list[tuple[str, Any, Any, str]] = [
    ("boot-id", {"boot_id": "a"}, {"boot_id": "b"}, "boot_id was 'a', is 'b'"),
    ("counter", COUNTER, {**COUNTS_ON, "count": 3, "later": 4}, "counted back from 40 to 3"),
    ("counter", COUNTER, {**COUNTS_ON, "later": 60}, "stands still at 60"),
    ("counter", COUNTER, {**COUNTS_ON, "starttime": 900}, "starttime was 100, is 900"),
    ("counter", COUNTER, {**COUNTS_ON, "astray": 1}, "was not its own"),
    ("memory", PAGES, OTHER_PAGES, "2 of 256 pages differ, the first is page 3"),
    ("memory", PAGES, {**SAME_PAGES, "crc": 9}, "content and page checksums changed together"),
    ("locked-memory", {**PAGES, "locked_kib": 1024}, {**SAME_PAGES, "locked_kib": 0}, "was 1024, is 0"),
    ("page-cache", PAGES, {**SAME_PAGES, "disk": OTHER_PAGES}, "on disk: 2 of 256"),
    ("page-cache", PAGES, {**SAME_PAGES, "disk": "EIO"}, "disk could not be read: EIO"),
    ("memory", PAGES, None, "is gone"),
    ("memory", PAGES, {}, "facts of another shape"),
    ("memory", None, SAME_PAGES, "nothing is known"),
    ("memory", {"error": "ENOMEM"}, SAME_PAGES, "could not be planted: ENOMEM"),
    ("unheard-of", PAGES, SAME_PAGES, "no rule for this witness"),
]


@pytest.mark.parametrize(("name", "planted", "found"), WHOLE)
def test_whole_witness_has_no_differences(name: str, planted: Any, found: Any) -> None:
    assert differences(name, planted, found) == ()


@pytest.mark.parametrize(("name", "planted", "found", "text"), BROKEN)
def test_broken_witness_is_named(name: str, planted: Any, found: Any, text: str) -> None:
    found_differences = differences(name, planted, found)
    assert len(found_differences) == 1
    assert found_differences[0].startswith(f"{name}: ")
    assert text in found_differences[0]
