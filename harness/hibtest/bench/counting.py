"""Runs of a scenario, up to the one that counts (:mod:`hibtest.retry` says which does)."""

from collections.abc import Callable
from typing import TypeVar

from hibtest.bench.finish import Result
from hibtest.evidence import Try
from hibtest.retry import counts

R = TypeVar("R", bound=Result | None)


def until_it_counts(
    once: Callable[[tuple[Try, ...]], R], told: Callable[[Try], None], *, retry: bool
) -> R:
    """Run a scenario again and again until a run counts, and return that.

    :param once: Runs it, given the runs that do not count; ``None`` when we are to stop.
    :param told: Called with each run that does not count.
    :param retry: Whether there may be another one; else the first counts.
    """
    tries: tuple[Try, ...] = ()
    while True:
        result = once(tries)
        one = discarded(result) if retry and result is not None else None
        if one is None:
            return result
        told(one)
        tries = (*tries, one)


def discarded(result: Result) -> Try | None:
    """Return a run as one in whose place another is to be made, ``None`` if it counts."""
    job, verdict = result.job, result.verdict
    if job is None or result.evidence is None or verdict.as_expected:
        return None
    one = Try(
        directory=str(job.directory),
        outcome=verdict.outcome,
        cause=verdict.cause,
        reason=verdict.reason,
    )
    return None if counts(job.scenario, result.evidence, one) else one
