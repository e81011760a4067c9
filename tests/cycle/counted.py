"""Runs of tests, made again under the same rules as everybody's (harness/retry.py)."""

from collections.abc import Callable
from pathlib import Path

from harness.cli.counting import until_it_counts
from harness.cli.prepare import Bench, Result
from harness.evidence import Evidence, Try
from harness.runner import run
from harness.spec import Scenario
from harness.verdict import Verdict, judge


def run_counted(
    here: Bench, scenario: Scenario, at_rest: Callable[[Path], None] | None = None
) -> tuple[Evidence, Verdict]:
    """Run a scenario until a run counts; return what was seen, and its verdict."""

    def once(tries: tuple[Try, ...]) -> Result:
        job = here.job(scenario, tries)
        evidence = run(job, lambda _: None, at_rest)
        return Result(verdict=judge(scenario, evidence), job=job, evidence=evidence)

    def told(one: Try) -> None:
        print(f"does not count: {one.outcome} in {one.directory}: {one.reason}")

    result = until_it_counts(here, once, told)
    assert result.evidence is not None
    return result.evidence, result.verdict
