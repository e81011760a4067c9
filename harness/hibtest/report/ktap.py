"""Verdicts as KTAP, version 1: Documentation/dev-tools/ktap.rst (v6.12)."""

from hibtest.printable import printable
from hibtest.report.terminal import Row
from hibtest.spec import Outcome


def head(runs: int) -> list[str]:
    """Return the lines before the first result.

    :param runs: How many results there will be.
    """
    return ["KTAP version 1", f"1..{runs}"]


def skipped(number: int, name: str, why: str) -> str:
    """Return the line of a scenario that does not apply."""
    return printable(f"ok {number} {name} # SKIP {why}")


def result(number: int, row: Row) -> list[str]:
    """Return the lines of one result: diagnostics, and then the result.

    A run that could not be judged has the directive ERROR: it says nothing of the kernel. One that
    met a known bug has XFAIL, and is ``ok``, as ksft_test_result_xfail() prints it
    (tools/testing/selftests/kselftest.h, 6.12 and 7.3).
    """
    verdict = row.verdict
    word = "ok" if verdict.as_expected else "not ok"
    cause = f" ({verdict.cause})" if verdict.cause else ""
    lines = [f"# {verdict.outcome}{cause}: {verdict.reason}", f"# run: {row.directory}"]
    if not verdict.as_expected:
        lines.insert(0, f"# expected {verdict.expected}")
        lines += [f"# {line}" for line in verdict.detail.split("\n") if line]
    directive = " # ERROR" if verdict.outcome is Outcome.INVALID else ""
    if verdict.known:
        directive = f" # XFAIL {verdict.known}"
    last = f"{word} {number} {verdict.scenario}{directive}"
    return [printable(line) for line in (*lines, last)]
