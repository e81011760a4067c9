"""Runs of tests, made again under the same rules as everybody's (hibtest/retry.py)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from hibtest.bench.counting import until_it_counts
from hibtest.bench.finish import Result
from hibtest.bench.prepare import Bench
from hibtest.cycle.faults import strike
from hibtest.evidence import Evidence, Try
from hibtest.runner import run
from hibtest.spec import (
    AtRest,
    Fault,
    Flip,
    KernelMethod,
    Scenario,
)
from hibtest.verdict import Verdict, judge, settled


def run_counted(
    here: Bench, scenario: Scenario, at_rest: Callable[[Path], None] | None = None
) -> tuple[Evidence, Verdict]:
    """Run a scenario until a run counts; return what was seen, and its verdict.

    :param at_rest: What is done to the disk that holds the image once the machine has hibernated,
        where no fault there is would do it.
    """

    def once(tries: tuple[Try, ...]) -> Result:
        job = here.job(scenario, tries)
        evidence = run(job, lambda _: None, settled)
        return Result(verdict=judge(scenario, evidence), job=job, evidence=evidence)

    def told(one: Try) -> None:
        print(f"does not count: {one.outcome} in {one.directory}: {one.reason}")

    if at_rest is None:
        result = until_it_counts(once, told, retry=here.retry)
    else:
        flip = Flip(serial="swap" if isinstance(scenario.method, KernelMethod) else "image", byte=0)
        scenario = replace(scenario, faults=(Fault(when=AtRest(), what=flip),))
        with patch.object(strike, "flip", lambda disk, _: at_rest(disk.path)):
            result = until_it_counts(once, told, retry=here.retry)
    assert result.evidence is not None
    return result.evidence, result.verdict
