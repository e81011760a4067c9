"""Known bugs of some kernels: what is expected of these, and when one is gone."""

from dataclasses import replace

import pytest

from hibtest.errors import SpecError
from hibtest.evidence import Evidence, GuestKernel
from hibtest.spec import Expected, Known, Outcome
from hibtest.verdict import judge
from tests.verdict.test_judge import GOOD, RESUME, SAVE, SCENARIO

BUG = Known(
    since=(6, 1),
    before=(6, 2),
    expected=Expected(outcome=Outcome.CORRUPT, cause="still-armed"),
    reason="the image is left on the swap",
)
ASKED = replace(SCENARIO, known=(BUG,))


def ran(evidence: Evidence, release: str) -> Evidence:
    return replace(evidence, kernel=GuestKernel(name="x", release=release, sha256=""))


LEFT = replace(GOOD, boots=(SAVE, replace(RESUME, header=SAVE.header), GOOD.boots[-1]))


def test_a_known_bug_is_expected_of_its_kernels() -> None:
    verdict = judge(ASKED, ran(LEFT, "6.1.0-56-cloud-amd64"))
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "still-armed")
    assert verdict.as_expected
    assert verdict.known == BUG.reason
    assert verdict.expected == BUG.expected


def test_of_others_it_is_a_surprise() -> None:
    verdict = judge(ASKED, ran(LEFT, "6.12.107+deb13-cloud-amd64"))
    assert not verdict.as_expected
    assert (verdict.known, verdict.expected) == ("", Expected())


def test_a_bug_that_is_gone_is_a_surprise() -> None:
    verdict = judge(ASKED, ran(GOOD, "6.1.300"))
    assert (verdict.outcome, verdict.as_expected, verdict.known) == (Outcome.RESUMED, False, "")
    assert verdict.reason.startswith(f"the known bug is gone ({BUG.reason}): resumed once; ")
    assert verdict.expected == BUG.expected


def test_what_is_neither_stays_what_it_is() -> None:
    verdict = judge(ASKED, ran(replace(GOOD, boots=()), "6.1.300"))
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "no-boot")
    assert "known bug" not in verdict.reason


@pytest.mark.parametrize(
    ("release", "has"),
    [
        ("6.1.0-56-cloud-amd64", True), ("6.1", True), ("6.1.192", True), ("6.0.19", False),
        ("6.2.0-rc1", False), ("6.12.107+deb13-cloud-amd64", False), ("7.3.4", False), ("", False),
        ("next-20261130", False),
    ],
)  # fmt: skip
def test_a_release_is_told_by_its_numbers(release: str, has: bool) -> None:
    assert BUG.has(release) is has


def test_an_end_may_be_open() -> None:
    assert [replace(BUG, since=()).has(one) for one in ("5.10.1", "6.2")] == [True, False]
    assert [replace(BUG, before=()).has(one) for one in ("6.0", "7.3.4")] == [False, True]
    assert replace(BUG, before=()).words == "6.1 and later"
    assert BUG.words == "6.1 and later, before 6.2"


@pytest.mark.parametrize(
    "wrong", [{"since": (), "before": ()}, {"before": (6, 1)}, {"reason": " "}, {"reason": "a\nb"}]
)
def test_a_bug_that_cannot_be_meant_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SpecError, match="known bug"):
        replace(BUG, **wrong)  # type: ignore[arg-type]
