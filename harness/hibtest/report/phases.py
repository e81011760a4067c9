"""How long each stage took in many runs of one scenario, and how far that varies."""

from collections.abc import Iterator, Sequence
from statistics import median, quantiles

from rich.table import Table

from hibtest.evidence import Evidence
from hibtest.report.terminal import Phase, Row, escape
from hibtest.spec import Outcome, Role, Stage

_TELLING = 20  # samples of which one in twenty is a sample


def phases(evidence: Evidence) -> tuple[Phase, ...]:
    """Return how long each boot was in each stage; some come more than once."""
    total: dict[tuple[Role, str, Stage], float] = {}
    for boot in evidence.boots:
        for one in boot.stages:
            key = (boot.role, boot.directory, one.stage)
            total[key] = round(total.get(key, 0.0) + one.seconds, 3)
    return tuple(
        Phase(role=role, boot=boot, stage=stage, seconds=seconds)
        for (role, boot, stage), seconds in total.items()
    )


def spread_tables(rows: Sequence[Row]) -> Iterator[Table]:
    """Yield a table for each scenario that was run more than once: times of its stages.

    All boots of a kind are taken together. What could not be judged counts for nothing.
    """
    judged = [row for row in rows if row.verdict.outcome is not Outcome.INVALID]
    names = dict.fromkeys(row.verdict.scenario for row in judged)
    for name in names:
        runs = [row for row in judged if row.verdict.scenario == name]
        if len(runs) > 1:
            yield _table(name, runs)


def _table(name: str, runs: Sequence[Row]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(escape(name), no_wrap=True)
    for heading in ("n", "median s", "min", "max", "p95"):
        table.add_column(heading, justify="right", no_wrap=True)
    for role in Role:
        for stage in Stage:
            seconds = [one.seconds for row in runs for one in row.stages if _is(one, role, stage)]
            if seconds:
                table.add_row(f"{role} {stage}", *_spread(seconds))
    table.add_row("in all", *_spread([row.seconds for row in runs]), style="bold")
    return table


def _is(one: Phase, role: Role, stage: Stage) -> bool:
    return one.role is role and one.stage is stage


def _spread(seconds: Sequence[float]) -> tuple[str, ...]:
    """Return number, median, smallest and largest of times, and what 95 % of them are within."""
    enough = len(seconds) >= _TELLING
    high = f"{quantiles(seconds, n=20, method='inclusive')[-1]:.1f}" if enough else ""
    middle, low, most = (f"{one:.1f}" for one in (median(seconds), min(seconds), max(seconds)))
    return (str(len(seconds)), middle, low, most, high)
