"""``hibtest matrix``: what runs came to, scenario by kernel, as a page."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from hibtest.errors import HibtestError, SpecError
from hibtest.printable import printable


def matrix(
    places: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RUNS]...", help="Directories of run directories [runs]."),
    ] = None,
) -> None:
    """Print a page in Markdown: each scenario's last run on each kernel, judged anew."""
    from hibtest.bench.finish import judge_run
    from hibtest.bench.prepare import RUNS
    from hibtest.report.matrix import Judged, markdown

    found: list[Judged] = []
    for directory in _runs(places or [RUNS]):
        try:
            found.append(judge_run(directory))
        except HibtestError as error:  # one that was killed says nothing, and hinders nobody
            print(f"hibtest: left out: {printable(error.message)}", file=sys.stderr)
    if not found:
        raise SpecError("no run is there", hint="hibtest run makes some; name the directory")
    for line in markdown(found):
        print(line)


def _runs(places: list[Path]) -> Iterator[Path]:
    from hibtest.bench.rundir import SCENARIO

    for place in places:
        if not place.is_dir():
            raise SpecError(f"{place}: no such directory", hint="name a directory of runs")
        yield from (path.parent for path in sorted(place.glob(f"*/[0-9]*/{SCENARIO}")))
