"""``-k EXPR``."""

import pytest

from hibtest.errors import SpecError
from hibtest.spec import GuestSpec, Scenario
from hibtest.spec.select import select


def _scenario(name: str, *tags: str) -> Scenario:
    return Scenario(name=name, guest=GuestSpec(kernel="trixie"), tags=tags)


ALL = (
    _scenario("baseline-trixie-2cpu", "smoke"),
    _scenario("baseline-trixie-4cpu"),
    _scenario("refused-bookworm-no-swap"),
)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("smoke", [0]),
        ("trixie", [0, 1]),
        ("trixie and not smoke", [1]),
        ("smoke or no-swap", [0, 2]),
        ("not (smoke or no-swap)", [1]),
        ("not smoke and not 4cpu", [2]),
        ("refused or trixie and 4cpu", [1, 2]),
    ],
)
def test_words_and_or_not(expression: str, found: list[int]) -> None:
    assert select(ALL, expression) == tuple(ALL[index] for index in found)


@pytest.mark.parametrize(
    "expression", ["", "and", "smoke or", "not", "(smoke", "smoke)", "()", "a b", "nothing-like-it"]
)
def test_what_cannot_be_meant_is_named(expression: str) -> None:
    with pytest.raises(SpecError) as caught:
        select(ALL, expression)
    assert repr(expression) in caught.value.message
