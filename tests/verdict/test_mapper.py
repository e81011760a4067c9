"""A device of the device mapper after a resume: what its status counts may differ, no more."""

from typing import Any

import pytest

from hibtest.verdict.witnesses import differences

LINEAR = {"device": 1, "uuid": "", "flags": 32, "table": ["0 8 linear 254:0 0"],
          "status": ["0 8 linear "]}  # fmt: skip
POOL = {"device": 2, "uuid": "", "flags": 32, "table": ["0 9 thin-pool 254:1 254:0 128 0"],
        "status": ["0 9 thin-pool 0 4133/172544 4028/10784 - rw discard_passdown - 1024"],
        }  # fmt: skip


def said(**devices: Any) -> tuple[str, ...]:
    planted = {"devices": {"root": LINEAR, "pool": POOL}}
    found = {name: device for name, device in devices.items() if device}
    return differences("device-mapper", planted, {"devices": found})


def status(line: str) -> dict[str, Any]:
    return {**POOL, "status": [line]}


def test_blocks_that_a_pool_has_given_out_since_are_no_difference() -> None:
    grown = "0 9 thin-pool 0 4134/172544 4038/10784 - rw discard_passdown - 1024"
    assert said(root=LINEAR, pool=POOL) == ()
    assert said(root=LINEAR, pool=status(grown)) == ()


@pytest.mark.parametrize(
    ("devices", "text"),
    [
        ({"root": LINEAR}, "pool is gone"),
        ({"root": LINEAR, "pool": POOL, "other": LINEAR}, "other is new"),
        ({"root": {**LINEAR, "flags": 34}, "pool": POOL}, "root: flags was 32, is 34"),
        ({"root": {**LINEAR, "status": ["0 8 error "]}, "pool": POOL}, "root: status was "),
        ({"root": LINEAR, "pool": status("0 9 thin-pool Fail")}, "pool: status was "),
        (
            {
                "root": LINEAR,
                "pool": status("0 9 thin-pool 0 4133/172544 4028/10784 - ro discard_passdown - 9"),
            },
            "pool: status was ",
        ),
        ({"root": LINEAR, "pool": {**POOL, "table": []}}, "pool: table was ['0 9 thin-pool"),
        ({"root": LINEAR, "pool": {}}, "pool is gone"),
        ({"root": LINEAR, "pool": {"status": 7}}, "facts of another shape"),
    ],
)
def test_what_is_not_as_it_was_is_told_with_its_device(devices: Any, text: str) -> None:
    first, *_ = said(**devices)
    assert first.startswith(f"device-mapper: {text}")
