"""What came of a number of runs: told as it comes, and at the end; the exit status."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from rich.console import Console

from hibtest.bench.chosen import NOT_HERE, Inapplicable
from hibtest.bench.finish import Result
from hibtest.cli.output import print_json
from hibtest.errors import ExitStatus
from hibtest.printable import printable
from hibtest.report import ktap, rates
from hibtest.report.board import Board
from hibtest.report.phases import phases, spread_tables
from hibtest.report.terminal import Row, explain, verdict_table
from hibtest.spec import Outcome


class Form(StrEnum):
    """What is written to standard output; all else then goes to standard error."""

    TEXT = "text"
    JSON = "json"
    KTAP = "ktap"


class Enough(Exception):
    """As many runs have surprised as were asked for; its text says which was the last."""


class Summary:
    """Gathers results as they come, and shows them at the end.

    :param asked: How many runs there are to be.
    :param others: Scenarios that are not run, since they do not apply.
    :param most: After how many surprises no more is run; 0: never.
    """

    def __init__(
        self,
        console: Console,
        board: Board,
        runs: Path,
        asked: int,
        others: tuple[Inapplicable, ...] = (),
        *,
        form: Form = Form.TEXT,
        most: int = 0,
    ) -> None:
        self._console, self._board = console, board
        self._runs, self._asked, self._others = runs, asked, others
        self._form, self._most = form, most
        self._rows: list[Row] = []
        if form is Form.KTAP:
            _write(*ktap.head(asked + len(others)))
            for number, one in enumerate(others, 1):
                _write(ktap.skipped(number, one.scenario, one.why))

    def done(self, result: Result) -> None:
        """Take a result, and tell it at once.

        :raise Enough: When it is one surprise too many.
        """
        job = result.job
        row = Row(
            verdict=result.verdict,
            kernel=job.kernel.release if job else "",
            seconds=result.seconds,
            directory=short(job.directory) if job else "",
            stages=phases(result.evidence) if result.evidence else (),
        )
        self._rows.append(row)
        self._board.verdict(row.verdict, row.seconds)
        if self._form is Form.KTAP:
            _write(*ktap.result(len(self._others) + len(self._rows), row))
        if 0 < self._most <= len(self._rows) - self._good() and len(self._rows) < self._asked:
            raise Enough(self._where(row))

    def show(self) -> None:
        """Show all that has come."""
        if self._form is Form.JSON:
            print_json(self._rows)
        say: Callable[..., None] = self._console.print
        if self._rows:
            self._show_runs(say)
        if self._others:
            say()
        for one in self._others:
            say(printable(str(one)), soft_wrap=True, markup=False)
        if self._others and not self._asked:
            self._say_none(say)

    def _say_none(self, say: Callable[..., None]) -> None:
        if any(one.how == NOT_HERE for one in self._others):
            say("none can be run here: nothing was run", markup=False)
            return
        say("none applies to this kernel: nothing was run", markup=False)
        say("  → `hibtest images check-kernel` lists all that it lacks", markup=False)

    def _show_runs(self, say: Callable[..., None]) -> None:
        say()
        say(verdict_table(self._rows))
        for row in self._rows:
            if not row.verdict.as_expected or row.verdict.tries or row.verdict.known:
                say(f"\n{explain(row.verdict, row.directory)}", soft_wrap=True)
        say()
        for table in spread_tables(self._rows):
            say(table)
            say()
        for line in rates.told(self._rows):
            say(line, soft_wrap=True, markup=False)
        say(self._counted())
        runs = short(self._runs)
        say(f"Runs: {runs}/SCENARIO/N; the last: {runs}/latest", soft_wrap=True)

    def status(self) -> int:
        """Return the exit status: a kernel's surprise weighs more than a run without a verdict."""
        surprises = [row.verdict for row in self._rows if not row.verdict.as_expected]
        if any(verdict.outcome is not Outcome.INVALID for verdict in surprises):
            return ExitStatus.UNEXPECTED
        return ExitStatus.UNAVAILABLE if surprises or not self._rows else ExitStatus.EXPECTED

    def _where(self, row: Row) -> str:
        """Return in words which run it was, of those of its scenario."""
        name = row.verdict.scenario
        number = sum(one.verdict.scenario == name for one in self._rows)
        return f"run {number} of {name} surprised: {row.directory or 'it left no directory'}"

    def _good(self) -> int:
        return sum(row.verdict.as_expected for row in self._rows)

    def _counted(self) -> str:
        text = f"{self._good()} of {self._asked} as expected"
        if bugs := sum(bool(row.verdict.known) for row in self._rows):
            text += f", {bugs} of them by a known bug of the kernel"
        tries = sum(len(row.verdict.tries) for row in self._rows)
        if tries:
            text += f"; {tries} {'try' if tries == 1 else 'tries'} discarded, see above"
        if self._others:
            does = "does" if len(self._others) == 1 else "do"
            what = "not apply"
            if any(one.how == NOT_HERE for one in self._others):
                does, what = ("is" if does == "does" else "are"), "not run"
            text += f"; {len(self._others)} more {does} {what}, see below"
        left = self._asked - len(self._rows)
        return f"{text}; {left} not run to an end" if left else text


def _write(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)


def short(directory: Path) -> str:
    """Return a directory as seen from the current one, if it is in it."""
    try:
        return str(directory.relative_to(Path.cwd()))
    except ValueError:
        return str(directory)
