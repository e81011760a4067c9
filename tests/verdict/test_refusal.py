"""Who refused a hibernation, and why, in a reason's words."""

from dataclasses import replace

import pytest

from hibtest.evidence import Attempt
from hibtest.verdict import judge
from tests.verdict.test_judge import GOOD, REFUSED, SCENARIO


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (
            Attempt(mode="platform", errno=19, detail="ENODEV No such device"),
            "the write to /sys/power/state returned ENODEV; ",
        ),
        (
            Attempt(mode="agent", errno=5, detail="EIO image server hung up"),
            "the agent gave up: EIO image server hung up; ",
        ),
        (
            Attempt(mode="agent", errno=28, detail="ENOSPC ALLOC_SWAP_PAGE: ENOSPC (No space)"),
            "the agent gave up: ALLOC_SWAP_PAGE: ENOSPC (No space); ",
        ),
    ],
)
def test_who_refused_and_why(attempt: Attempt, words: str) -> None:
    verdict = judge(SCENARIO, replace(GOOD, boots=(replace(REFUSED, attempt=attempt),)))
    assert verdict.reason == words + "the guest lives on in good order"
