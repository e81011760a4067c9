"""Progress and verdicts on a terminal, or as plain lines where there is none."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape as escape_markup
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from hibtest.events import BootStarted, ConsoleLine, Event, Note, Sink, StageEnded, StageStarted
from hibtest.printable import printable
from hibtest.spec import Outcome
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


class Board:
    """Shows the runs that are under way: a spinner each, or a line per stage.

    :param verbose: 1: a line per stage also on a terminal; 2: the guest's console too.
    """

    def __init__(self, console: Console, verbose: int) -> None:
        self._console = console
        self._verbose = verbose
        self._lines = verbose > 0 or not console.is_terminal
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TextColumn("[dim]{task.fields[at]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    @contextmanager
    def shown(self) -> Iterator["Board"]:
        """Show the board while in the context."""
        with self._progress:
            yield self

    @contextmanager
    def run(self, name: str) -> Iterator[Sink]:
        """Show one run; yields the sink for its events."""
        task = self._progress.add_task(escape(name), at="starts")
        roles: dict[int, str] = {}
        if self._lines:
            self._say(name, "starts")
        try:
            yield lambda event: self._take(task, name, roles, event)
        finally:
            self._progress.remove_task(task)

    def verdict(self, verdict: Verdict, seconds: float) -> None:
        """Tell a verdict in a line of its own."""
        mark = "[green]✓[/]" if verdict.as_expected else "[red]✗[/]"
        outcome = f"[{_STYLE.get(verdict.outcome, 'red')}]{verdict.outcome}[/]"
        self._console.print(
            f"{mark} {escape(verdict.scenario)}  {outcome}  [dim]{seconds:.0f} s[/]",
            highlight=False,
        )

    def note(self, name: str, text: str) -> None:
        """Tell something that a user would want to know of a run."""
        self._say(name, text)

    def _take(self, task: TaskID, name: str, roles: dict[int, str], event: Event) -> None:
        if isinstance(event, BootStarted):
            roles[event.boot] = str(event.role)
        elif isinstance(event, StageStarted):
            at = f"{roles.get(event.boot, '')} {event.stage}"
            self._progress.update(task, at=at)
        elif isinstance(event, StageEnded) and self._lines:
            self._say(name, f"{roles.get(event.boot, '')} {event.stage} {event.seconds:.1f} s")
        elif isinstance(event, Note):
            self._say(name, event.text)
        elif isinstance(event, ConsoleLine) and self._verbose > 1:
            self._say(name, f"| {event.text}")

    def _say(self, name: str, text: str) -> None:
        self._console.print(f"[dim]{escape(name)}[/]  {escape(text)}", soft_wrap=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the table of verdicts.

    :ivar kernel: Release of the guest's kernel.
    :ivar seconds: How long the run took.
    :ivar directory: Where it is.
    """

    verdict: Verdict
    kernel: str
    seconds: float
    directory: str


def verdict_table(rows: Iterable[Row]) -> Table:
    """Return the table of verdicts: a line each, and why, below those that surprise."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    table.add_column("scenario", no_wrap=True)
    table.add_column("kernel", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    table.add_column("s", justify="right", no_wrap=True)
    for row in rows:
        verdict = row.verdict
        mark = "[green]✓[/]" if verdict.as_expected else "[red]✗[/]"
        outcome = f"[{_STYLE.get(verdict.outcome, 'red')}]{verdict.outcome}[/]"
        if verdict.tries:
            outcome += f" (try {len(verdict.tries) + 1})"
        version = escape(row.kernel.partition("-")[0].partition("+")[0])
        name = escape(verdict.scenario)
        table.add_row(mark, name, version, outcome, f"{row.seconds:.0f}")
    return table


def discarded(verdict: Verdict) -> list[str]:
    """Return a line for each run in whose place the one of this verdict was made."""
    return [
        f"does not count: {one.outcome} ({one.cause}) in {one.directory}: {one.reason}"
        for one in verdict.tries
    ]


def explain_plainly(row: Row) -> str:
    """Return the same as :func:`explain`, without markup."""
    return Text.from_markup(explain(row)).plain


def explain(row: Row) -> str:
    """Return why a verdict is what it is, in a few lines of markup."""
    verdict = row.verdict
    cause = f" ({verdict.cause})" if verdict.cause else ""
    lines = [f"{escape(verdict.scenario)}: [bold]{verdict.outcome}{escape(cause)}[/]"]
    if not verdict.as_expected:
        lines[0] += f", expected {escape(str(verdict.expected))}"
    lines.append(f"  {escape(verdict.reason)}")
    lines += [f"    [dim]{escape(line)}[/]" for line in verdict.detail.split("\n") if line]
    rests_on = ", ".join(filter(None, (row.directory, *verdict.rests_on)))
    lines.append(f"  [dim]evidence: {escape(rests_on)}[/]")
    lines += [f"  {line}" for line in map(escape, discarded(verdict))]
    return "\n".join(lines)
