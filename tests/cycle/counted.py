"""Runs of tests, made again under the same rules as everybody's (hibtest/retry.py)."""

from collections.abc import Callable
from pathlib import Path

from hibtest.cli.counting import until_it_counts
from hibtest.cli.finish import Result
from hibtest.cli.prepare import Bench
from hibtest.evidence import Evidence, Try
from hibtest.runner import run
from hibtest.spec import Scenario
from hibtest.verdict import Verdict, judge


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
