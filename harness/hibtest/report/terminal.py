"""Verdicts for people: a table, and why each is what it is."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.markup import escape as escape_markup
from rich.table import Table
from rich.text import Text

from hibtest.printable import printable
from hibtest.spec import Outcome, Role, Stage
from hibtest.verdict import Verdict

_STYLE = {
    Outcome.RESUMED: "green",
    Outcome.REHEARSED: "green",
    Outcome.REFUSED: "yellow",
    Outcome.COLD_BOOT: "yellow",
    Outcome.INVALID: "magenta",
}


def escape(text: str) -> str:
    """Return a line of whatever origin as markup that shows it, and does nothing else."""
    return escape_markup(printable(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """How long a boot was in a stage, in seconds, all its times in it together."""

    role: Role
    boot: str
    stage: Stage
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the table of verdicts.

    :ivar kernel: Release of the guest's kernel.
    :ivar seconds: How long the run took.
    :ivar directory: Where it is.
    :ivar stages: How long each boot was in each of its stages.
    """

    verdict: Verdict
    kernel: str
    seconds: float
    directory: str
    stages: tuple[Phase, ...] = ()


def verdict_table(rows: Iterable[Row]) -> Table:
    """Return the table of verdicts: a line each, and why, below those that surprise."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    table.add_column("scenario", no_wrap=True)
    table.add_column("run", justify="right", no_wrap=True)
    table.add_column("kernel", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    table.add_column("s", justify="right", no_wrap=True)
    for row in rows:
        verdict = row.verdict
        mark, outcome = signs(verdict)
        if verdict.known:
            outcome += " (known bug)"
        if verdict.tries:
            outcome += f" (try {len(verdict.tries) + 1})"
        version = escape(row.kernel.partition("-")[0].partition("+")[0])
        name = escape(verdict.scenario)
        number = escape(row.directory.rpartition("/")[2])
        table.add_row(mark, name, number, version, outcome, f"{row.seconds:.0f}")
    return table


def signs(verdict: Verdict) -> tuple[str, str]:
    """Return the mark of a verdict and its outcome, as markup."""
    mark = "[green]✓[/]" if verdict.as_expected else "[red]✗[/]"
    return mark, f"[{_STYLE.get(verdict.outcome, 'red')}]{verdict.outcome}[/]"


def discarded(verdict: Verdict) -> list[str]:
    """Return a line for each run in whose place the one of this verdict was made."""
    return [
        f"does not count: {one.outcome} ({one.cause}) in {one.directory}: {one.reason}"
        for one in verdict.tries
    ]


def explain_plainly(verdict: Verdict, directory: str) -> str:
    """Return the same as :func:`explain`, without markup."""
    return Text.from_markup(explain(verdict, directory)).plain


def explain(verdict: Verdict, directory: str) -> str:
    """Return why a verdict is what it is, in a few lines of markup.

    :param directory: Of its run; empty when it has none.
    """
    cause = f" ({verdict.cause})" if verdict.cause else ""
    lines = [f"{escape(verdict.scenario)}: [bold]{verdict.outcome}{escape(cause)}[/]"]
    if not verdict.as_expected:
        lines[0] += f", expected {escape(str(verdict.expected))}"
    if verdict.known:
        lines[0] += f", as expected: known bug of this kernel: {escape(verdict.known)}"
    lines.append(f"  {escape(verdict.reason)}")
    lines += [f"    [dim]{escape(line)}[/]" for line in verdict.detail.split("\n") if line]
    rests_on = ", ".join(filter(None, (directory, *verdict.rests_on)))
    lines.append(f"  [dim]evidence: {escape(rests_on)}[/]")
    lines += [f"  {line}" for line in map(escape, discarded(verdict))]
    return "\n".join(lines)
