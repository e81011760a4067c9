"""What came of a number of runs: the table, the surprises, the exit status."""

from pathlib import Path

from rich.console import Console

from hibtest.cli.finish import Result
from hibtest.errors import ExitStatus
from hibtest.report.terminal import Board, Row, explain, verdict_table
from hibtest.spec import Outcome


class Summary:
    """Gathers results as they come, and shows them at the end.

    :param asked: How many runs there are to be.
    """

    def __init__(self, console: Console, board: Board, runs: Path, asked: int) -> None:
        self._console, self._board = console, board
        self._runs, self._asked = runs, asked
        self._rows: list[Row] = []

    def done(self, result: Result) -> None:
        """Take a result, and tell it at once."""
        job = result.job
        row = Row(
            verdict=result.verdict,
            kernel=job.kernel.release if job else "",
            seconds=result.seconds,
            directory=short(job.directory) if job else "",
        )
        self._rows.append(row)
        self._board.verdict(row.verdict, row.seconds)

    def show(self) -> None:
        """Show all that has come, if anything has."""
        if not self._rows:
            return
        say = self._console.print
        say()
        say(verdict_table(self._rows))
        for row in self._rows:
            if not row.verdict.as_expected or row.verdict.tries:
                say(f"\n{explain(row)}", soft_wrap=True)
        say(f"\n{self._counted()}")
        runs = short(self._runs)
        say(f"Runs: {runs}/SCENARIO/N; the last: {runs}/latest", soft_wrap=True)

    def status(self) -> int:
        """Return the exit status: a kernel's surprise weighs more than a run without a verdict."""
        surprises = [row.verdict for row in self._rows if not row.verdict.as_expected]
        if any(verdict.outcome is not Outcome.INVALID for verdict in surprises):
            return ExitStatus.UNEXPECTED
        return ExitStatus.UNAVAILABLE if surprises or not self._rows else ExitStatus.EXPECTED

    def _counted(self) -> str:
        good = sum(row.verdict.as_expected for row in self._rows)
        text = f"{good} of {self._asked} as expected"
        tries = sum(len(row.verdict.tries) for row in self._rows)
        if tries:
            text += f"; {tries} {'try' if tries == 1 else 'tries'} discarded, see above"
        left = self._asked - len(self._rows)
        return f"{text}; {left} not run to an end" if left else text


def short(directory: Path) -> str:
    """Return a directory as seen from the current one, if it is in it."""
    try:
        return str(directory.relative_to(Path.cwd()))
    except ValueError:
        return str(directory)
