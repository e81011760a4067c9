"""A few hundred inputs of each fuzzer; ``python -m tests.fuzz`` makes more."""

import pytest

from tests.fuzz import feed
from tests.fuzz.table import FUZZERS

INPUTS = 300


@pytest.mark.parametrize("name", FUZZERS)
def test_nothing_falls(name: str) -> None:
    for number in range(INPUTS):
        feed(name, FUZZERS[name], number)
