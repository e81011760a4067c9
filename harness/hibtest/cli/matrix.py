"""``hibtest matrix``: what runs came to, scenario by kernel, as a page."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hibtest.errors import HibtestError, SpecError
from hibtest.printable import printable

if TYPE_CHECKING:
    from hibtest.report.matrix import Row


def matrix(
    places: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUNS]...", help="Directories of runs; files of --json [default: runs]."
        ),
    ] = None,
    *,
    json: Annotated[
        bool, typer.Option("--json", help="Print the rows instead, a line of JSON each.")
    ] = False,
) -> None:
    """Print a page in Markdown: each scenario's last run on each kernel.

    Runs in directories are judged anew. Rows of --json stand for runs that are gone, or are of
    other machines.
    """
    from hibtest.bench import catalogue
    from hibtest.bench.prepare import RUNS
    from hibtest.report.matrix import last_of_each, line_of, markdown

    rows = last_of_each(row for place in places or [RUNS] for row in _rows(place))
    if not rows:
        raise SpecError("no run is there", hint="hibtest run makes some; name the directory")
    if json:
        for row in rows:
            print(line_of(row))
        return
    for line in markdown(rows, catalogue.scenarios()):
        print(line)


def _rows(place: Path) -> Iterator["Row"]:
    if place.is_file():
        yield from _kept(place)
        return
    if not place.is_dir():
        raise SpecError(f"{place}: no such directory", hint="name a directory of runs")
    from hibtest.bench.finish import judge_run
    from hibtest.bench.rundir import VERDICT
    from hibtest.report.matrix import Row

    for path in sorted(place.glob(f"*/[0-9]*/{VERDICT}")):  # others run, or were ended
        try:
            yield Row.of(judge_run(path.parent))
        except HibtestError as error:
            print(f"hibtest: left out: {printable(error.message)}", file=sys.stderr)


def _kept(path: Path) -> Iterator["Row"]:
    from hibtest.report.matrix import row_of

    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            yield row_of(line)
        except ValueError as error:
            what = f"{path}: line {number} is no row of a matrix: {error}"
            raise SpecError(what, hint="hibtest matrix --json makes such files") from error
