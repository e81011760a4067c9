"""``hibtest list``: every scenario there is, and every test of scenarios that pytest alone runs."""

import contextlib
import io
from pathlib import Path
from typing import Annotated

import typer

from hibtest.cli import options
from hibtest.cli.output import print_json
from hibtest.spec import KernelMethod

_BY_PYTEST = "Run by pytest alone: `pytest --pyargs hibtest.scenarios -k ...`"
_WIDE = 200  # columns where there is no terminal: a line each, for grep


def list_(
    expression: Annotated[
        str, typer.Option("-k", metavar="EXPR", help="Only these: words, and, or, not.")
    ] = "",
    scenarios: options.Scenarios = None,
    json: options.Json = False,
) -> None:
    """List the scenarios."""
    from hibtest.bench import catalogue
    from hibtest.bench.chosen import asked_of
    from hibtest.spec.select import select

    places = catalogue.named(scenarios)
    known = catalogue.scenarios(places)
    found = asked_of(known, lambda among: select(among, expression)) if expression else known
    if json:
        print_json(found)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading, wraps in (("scenario", False), ("image by", True), ("expected", True)):
        table.add_column(heading, no_wrap=not wraps, overflow="fold")
    for one in found:
        by = "kernel" if isinstance(one.method, KernelMethod) else "agent"
        table.add_row(one.name, by, str(one.expected))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDE)
    console.print(table)
    own = catalogue.DIRECTORY in places
    if not own:
        console.print(f"\nhibtest's own: --scenarios {catalogue.OWN}")
    others = _only_in_pytest(catalogue.DIRECTORY) if own and not expression else []
    if others:
        console.print(f"\n{_BY_PYTEST}")
    for name in others:
        console.print(name, markup=False, soft_wrap=True)


def _only_in_pytest(directory: Path) -> list[str]:
    """Return the tests of scenarios that have no scenario: pytest makes them."""
    import pytest

    class Collector:
        def __init__(self) -> None:
            self.names: list[str] = []

        def pytest_collection_finish(self, session: pytest.Session) -> None:
            for item in session.items:
                fixtures = getattr(item, "fixturenames", ())
                if "hib_bench" in fixtures and "hib_scenario" not in fixtures:
                    self.names.append(item.nodeid.rpartition("::")[2])

    collector = Collector()
    words = ["--collect-only", "-qq", "--continue-on-collection-errors", "-c", "/dev/null"]
    alone = ["-p", "no:cacheprovider", "-p", "no:xdist", f"--confcutdir={directory}"]
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main([*words, *alone, str(directory)], plugins=[collector])
    return collector.names
