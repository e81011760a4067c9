"""What grows with every hibernation of one life, and what only looks so."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import pytest

from hibtest.evidence import Boot, Evidence, Levels
from hibtest.spec import Outcome, Scenario
from hibtest.verdict import Verdict, judge
from tests.verdict.test_judge import COLD, RESUME, SAVE, SCENARIO

LEVELS = Levels(
    free=200_000, available=300_000, slab=20_000, used=90_000, swap=0, nobodys=0, files=300, own=60,
    realtime=1000.0, monotonic=50.0, boottime=60.0, rtc=1000, host=(999.5, 1000.5),
)  # fmt: skip


def run(levels: Sequence[Levels]) -> tuple[Scenario, Evidence]:
    """Return a good run in which so much was in use after each resume."""
    numbers = range(1, len(levels) + 1)
    names = ["resume" if number == 1 else f"resume-{number}" for number in numbers]
    resumes: list[Boot] = []
    for name, one in zip(names, levels, strict=True):
        last = name == names[-1]
        goes = RESUME if last else replace(SAVE, role=RESUME.role, ready=False, resumed=True)
        seen = replace(goes, witnesses=RESUME.witnesses, audits=RESUME.audits, levels=one)
        attempt = RESUME.attempt if last else SAVE.attempt
        resumes.append(replace(seen, directory=name, attempt=attempt))
    evidence = Evidence(scenario="one", boots=(SAVE, *resumes, COLD))
    return replace(SCENARIO, lives=len(levels)), evidence


def judged(levels: Sequence[Levels]) -> Verdict:
    return judge(*run(levels))


def grown(field: str, *steps: float) -> list[Levels]:
    """Return what was in use when something grew by so much from each life to the next."""
    values = accumulate(steps, initial=getattr(LEVELS, field))
    return [replace(LEVELS, **{field: value}) for value in values]


@pytest.mark.parametrize(
    ("field", "step", "what"),
    [
        ("used", 2048, "memory in use: 2048 KiB more after each"),
        ("slab", 600, "slab in use: 600 KiB more after each"),
        ("files", 32, "open files: 32 more after each"),
        ("own", 1, "descriptors of the probe: 1 more after each"),
        ("nobodys", 256, "swap in use by nobody: 256 KiB more after each"),
        ("realtime", 1.5, "clock ahead of the host: 1.5 s more after each"),
        ("realtime", -1.5, "clock behind the host: 1.5 s more after each"),
    ],
)
def test_what_grows_with_every_life_is_a_leak(field: str, step: float, what: str) -> None:
    verdict = judged(grown(field, 0, *[step] * 4))
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "drift")
    assert verdict.reason.startswith(what)
    assert verdict.rests_on == ("boots[*].levels",)


def test_the_numbers_of_each_life_are_told() -> None:
    verdict = judged(grown("files", 100, 64, 72, 64, 72))
    assert verdict.reason == (
        "open files: 68 more after each hibernation, and after every one 32 or more; "
        "after resume 2 to 6: 400, 464, 536, 600, 672"
    )


def test_what_comes_of_a_leak_is_named_with_it() -> None:
    levels = [replace(LEVELS, files=300 + 64 * n, used=90_000 + 2048 * n) for n in range(6)]
    assert judged(levels).reason.endswith("; with it: memory in use")


@pytest.mark.parametrize(
    "steps",
    [
        (9000, 0, 0, 0, 0, 0),  # the first resume is not compared
        (0, 9000, 9000, 0, 0, 0),  # a cache that fills
        (0, 9000, 9000, 9000, 1000, 9000),  # once it did not
        (0, 1000, 1000, 1000, 1000, 1000),  # less than noise may be
        (0, 9000, -100, 9000, 9000, 9000),
        (0, 9000, 9000, 9000),  # too few to tell
    ],
)
def test_what_does_not_grow_with_every_life_is_none(steps: tuple[int, ...]) -> None:
    assert judged(grown("used", *steps)).outcome is Outcome.RESUMED


def test_who_swaps_out_takes_slots_and_loses_none() -> None:
    levels = [replace(LEVELS, swap=4096 * n, used=90_000) for n in range(6)]
    assert judged(levels).outcome is Outcome.RESUMED


def test_what_was_not_measured_is_not_judged() -> None:
    scenario, evidence = run([LEVELS] * 6)
    boots = tuple(replace(boot, levels=None) for boot in evidence.boots)
    assert judge(scenario, replace(evidence, boots=boots)).outcome is Outcome.RESUMED
