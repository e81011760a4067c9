"""The rule by which the witness of each CPU is compared."""

from typing import Any

import pytest

from hibtest.verdict.witnesses import differences

PLANTED: dict[str, Any] = {
    "pid": 5, "starttime": 100,
    "cpus": {"0": {"ticks": 3, "at": 0, "interrupts": 70},
             "2": {"ticks": 4, "at": 2, "interrupts": 90}},
}  # fmt: skip
FOUND: dict[str, Any] = {
    "pid": 5, "starttime": 100,
    "cpus": {"0": {"ticks": 9, "at": 0, "interrupts": 80, "later": [10, 81]},
             "2": {"ticks": 9, "at": 2, "interrupts": 95, "later": [10, 99]}},
}  # fmt: skip


def _told(cpu: dict[str, Any], **more: Any) -> tuple[str, ...]:
    cpus = {**FOUND["cpus"], "2": {**FOUND["cpus"]["2"], **cpu}}
    told = differences("each-cpu", PLANTED, {**FOUND, "cpus": cpus, **more})
    return tuple(text.removeprefix("each-cpu: ") for text in told)


def test_cpus_that_go_on_have_no_differences() -> None:
    assert _told({}) == ()


@pytest.mark.parametrize(
    ("cpu", "text"),
    [
        ({"at": 0}, "CPU 2: its thread runs on CPU 0"),
        ({"ticks": 2}, "CPU 2: its thread counted back from 4 to 2"),
        ({"later": [9, 99]}, "CPU 2: its timer does not fire any more, after 9 times"),
        ({"later": [10, 95]}, "CPU 2: its timer interrupts stand still at 95"),
        ({"interrupts": 80}, "CPU 2: its timer interrupts went back from 90 to 80"),
        (
            {"interrupts": None, "later": [10, None]},
            "CPU 2: it has no count of timer interrupts any more",
        ),
    ],
)
def test_what_does_not_go_on_is_named_with_its_cpu(cpu: dict[str, Any], text: str) -> None:
    assert _told(cpu) == (text,)


def test_where_nobody_counts_interrupts_none_is_missed() -> None:
    planted = {**PLANTED, "cpus": {"0": {"ticks": 3, "at": 0, "interrupts": None}}}
    assert differences("each-cpu", planted, FOUND) == ()


def test_another_process_and_a_cpu_that_is_not_told_of() -> None:
    assert _told({}, starttime=7) == ("starttime was 100, is 7",)
    [told] = differences("each-cpu", PLANTED, {**FOUND, "cpus": {"0": FOUND["cpus"]["0"]}})
    assert "facts of another shape" in told
