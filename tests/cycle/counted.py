"""Runs of tests, made again under the same rules as everybody's (harness/retry.py)."""

from collections.abc import Callable
from pathlib import Path

from harness.cli.prepare import Bench, discarded
from harness.evidence import Evidence, Try
from harness.runner import run
from harness.spec import Scenario
from harness.verdict import Verdict, judge


def run_counted(
    here: Bench, scenario: Scenario, at_rest: Callable[[Path], None] | None = None
) -> tuple[Evidence, Verdict]:
    """Run a scenario until a run counts; return what was seen, and its verdict."""
    tries: tuple[Try, ...] = ()
    while True:
        job = here.job(scenario, tries)
        evidence = run(job, lambda _: None, at_rest)
        verdict = judge(scenario, evidence)
        one = discarded(here, job, verdict)
        if one is None:
            return evidence, verdict
        print(f"does not count: {one.outcome} in {one.directory}: {one.reason}")
        tries = (*tries, one)
