"""What many runs of one scenario say together."""

from dataclasses import replace

import pytest

from hibtest.report.rates import rate, told
from hibtest.report.terminal import Row
from hibtest.spec import Expected, Outcome
from hibtest.verdict import Verdict

GOOD = Verdict(
    scenario="one", outcome=Outcome.RESUMED, cause="", reason="", rests_on=(),
    expected=Expected(), as_expected=True,
)  # fmt: skip
HUNG = replace(GOOD, outcome=Outcome.HUNG, cause="WRITE", as_expected=False)
INVALID = replace(GOOD, outcome=Outcome.INVALID, cause="qemu-died", as_expected=False)


def rows(*verdicts: Verdict) -> list[Row]:
    return [
        Row(verdict=verdict, kernel="", seconds=10.0 + number, directory="")
        for number, verdict in enumerate(verdicts)
    ]


# scipy.stats.binomtest(count, of).proportion_ci(method="wilson"), scipy 1.17.1
@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (9, 10, 0.5958499, 0.9821238),
        (0, 10, 0.0, 0.2775328),
        (10, 10, 0.7224672, 1.0),
        (1, 1, 0.2065493, 1.0),
        (500, 1000, 0.4690696, 0.5309304),
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3, which has four digits
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(count: int, of: int, low: float, high: float) -> None:
    found = rate(count, of)
    assert (found.low, found.high) == pytest.approx(
        (low, high), abs=1e-6 if of in {1, 10, 1000} else 5.1e-5
    )


def test_no_run_has_no_rate() -> None:
    with pytest.raises(ValueError, match="no run"):
        rate(0, 0)


def test_a_line_says_rate_others_and_spread() -> None:
    [line] = told(rows(*[GOOD] * 9, HUNG))
    assert line == ("one: 9 of 10 RESUMED (95 %: 60 to 98), 1 HUNG (WRITE); 14 s (10 to 19)")


def test_what_could_not_be_judged_counts_for_nothing() -> None:
    [line] = told(rows(GOOD, INVALID, GOOD))
    assert line.startswith("one: 2 of 2 RESUMED (95 %: 34 to 100), 1 INVALID besides")
    assert told(rows(INVALID, INVALID)) == ["one: none of 2 could be judged"]


def test_what_was_run_once_has_no_line() -> None:
    assert told(rows(GOOD, replace(HUNG, scenario="two"))) == []
