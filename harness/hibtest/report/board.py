"""Runs that are under way: on a terminal a line each that changes, elsewhere a line per stage."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.text import Text

from hibtest.events import (
    BootStarted,
    ConsoleLine,
    Event,
    Note,
    Sink,
    StageEnded,
    StageStarted,
    Waiting,
)
from hibtest.report.terminal import escape, signs
from hibtest.verdict import Verdict

_MINUTE = 60


class Board:
    """Shows the runs that are under way, and how many there are still to come.

    :param verbose: 1: a line per stage also on a terminal; 2: the guest's console too.
    :param asked: How many runs there are to be.
    """

    def __init__(self, console: Console, verbose: int, asked: int = 1) -> None:
        self._console = console
        self._verbose = verbose
        self._lines = verbose > 0 or not console.is_terminal
        self._began = time.monotonic()
        self._done, self._asked = 0, asked
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TextColumn("[dim]{task.fields[at]}"),
            _Clock(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._all: TaskID | None = None

    @contextmanager
    def shown(self) -> Iterator["Board"]:
        """Show the board while in the context."""
        with self._progress:
            if self._asked > 1:
                self._all = self._progress.add_task(self._count(), at="", limit=None)
            yield self

    @contextmanager
    def run(self, name: str) -> Iterator[Sink]:
        """Show one run; yields the sink for its events.

        :param name: Which, as its lines are to begin.
        """
        task = self._progress.add_task(escape(name), at="starts", limit=None)
        roles: dict[int, str] = {}
        if self._lines:
            self._say(name, "starts")
        try:
            yield lambda event: self._take(task, name, roles, event)
        finally:
            self._progress.remove_task(task)

    def verdict(self, verdict: Verdict, seconds: float) -> None:
        """Tell a verdict in a line of its own, with its reason if it surprises."""
        self._done += 1
        mark, outcome = signs(verdict)
        count = f"  {self._count()}" if self._asked > 1 else ""
        self._print(f"{mark} {escape(verdict.scenario)}  {outcome}  [dim]{seconds:.0f} s{count}[/]")
        if not verdict.as_expected and self._asked > 1:  # of a single run it comes right below
            why = f"{verdict.cause}: {verdict.reason}" if verdict.cause else verdict.reason
            self._print(f"  {escape(why)}")
        if self._all is not None:
            self._progress.update(self._all, description=self._count())

    def note(self, name: str, text: str) -> None:
        """Tell something that a user would want to know of a run."""
        self._say(name, text)

    def _count(self) -> str:
        """Return how many runs are done, and how long the others will take."""
        text = f"{self._done} of {self._asked}"
        left = self._asked - self._done
        if not (self._done and left):
            return text
        seconds = (time.monotonic() - self._began) / self._done * left
        return f"{text}, about {spoken(seconds)} left"

    def _take(self, task: TaskID, name: str, roles: dict[int, str], event: Event) -> None:
        match event:
            case BootStarted():
                roles[event.boot] = str(event.role)
            case StageStarted():
                at = f"{roles.get(event.boot, '')} {event.stage}"
                since = time.monotonic()
                self._progress.update(task, at=at, limit=event.limit, since=since)
            case StageEnded() if self._lines:
                self._say(name, f"{roles.get(event.boot, '')} {event.stage} {event.seconds:.1f} s")
            case Waiting():
                self._progress.update(task, at="waits for a CPU")
                self._say(name, event.text)
            case Note():
                self._say(name, event.text)
            case ConsoleLine() if self._verbose > 1:
                self._say(name, f"| {event.text}")

    def _say(self, name: str, text: str) -> None:
        self._print(f"[dim]{escape(name)}[/]  {escape(text)}")

    def _print(self, markup: str) -> None:
        self._console.print(markup, soft_wrap=True, highlight=False)


class _Clock(ProgressColumn):
    """How long a stage has taken of what it may take; without a stage, how long all has."""

    def render(self, task: Task) -> Text:
        limit = task.fields["limit"]
        if limit is None:
            return Text(spoken(task.elapsed or 0), style="dim")
        seconds = time.monotonic() - task.fields["since"]
        return Text(f"{seconds:.0f} of {limit:.0f} s", style="dim")


def spoken(seconds: float) -> str:
    """Return a time as people say it.

    >>> spoken(75), spoken(600)
    ('75 s', '10 min')
    """
    return f"{seconds:.0f} s" if seconds < 2 * _MINUTE else f"{seconds / _MINUTE:.0f} min"
