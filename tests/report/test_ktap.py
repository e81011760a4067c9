"""KTAP, as the kernel's own parser reads it (tools/testing/kunit/kunit_parser.py, v6.12)."""

import re
from dataclasses import replace

from hibtest.report import ktap
from hibtest.report.terminal import Row
from hibtest.spec import Outcome
from tests.report.test_rates import GOOD, HUNG, INVALID

# Of that parser, v6.12.
KTAP_START = re.compile(r"\s*KTAP version ([0-9]+)$")
TEST_PLAN = re.compile(r"^\s*1\.\.([0-9]+)")
TEST_RESULT = re.compile(r"^\s*(ok|not ok) ([0-9]+) (- )?([^#]*)( # .*)?$")


def row(verdict: object) -> Row:
    return Row(verdict=verdict, kernel="", seconds=1.0, directory="runs/one/1")  # type: ignore[arg-type]


def test_the_plan_comes_first() -> None:
    first, second = ktap.head(85)
    assert KTAP_START.match(first)
    plan = TEST_PLAN.match(second)
    assert plan
    assert plan[1] == "85"


def test_results_are_numbered_and_named() -> None:
    *notes, last = ktap.result(3, row(GOOD))
    found = TEST_RESULT.match(last)
    assert found
    assert found.groups() == ("ok", "3", None, "one", None)
    assert all(note.startswith("# ") for note in notes)


def test_a_surprise_says_what_was_expected_and_why() -> None:
    verdict = replace(HUNG, reason="nothing\x1b[2J came", detail="a\nb")
    lines = ktap.result(1, row(verdict))
    assert lines[0] == "# expected RESUMED"
    assert "# a" in lines
    assert lines[-1] == "not ok 1 one"
    assert all(line.isprintable() for line in lines)


def test_a_known_bug_is_an_expected_failure() -> None:
    verdict = replace(HUNG, as_expected=True, known="it\x1b[2J stalls")
    last = ktap.result(2, row(verdict))[-1]
    assert last.startswith("ok 2 one # XFAIL it")
    assert last.isprintable()
    assert TEST_RESULT.match(last)


def test_what_could_not_be_judged_is_an_error_not_a_failure() -> None:
    assert INVALID.outcome is Outcome.INVALID
    assert ktap.result(2, row(INVALID))[-1] == "not ok 2 one # ERROR"
