"""``hibtest list``: every scenario there is, and every test of scenarios that pytest alone runs."""

import contextlib
import io
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from hibtest.cli import options
from hibtest.cli.output import print_json
from hibtest.errors import SpecError
from hibtest.evidence import Host
from hibtest.printable import printable
from hibtest.spec import KernelMethod, Scenario
from hibtest.spec.lacking import Missing

_BY_PYTEST = "Run by pytest alone: `pytest --pyargs hibtest.scenarios -k ...`"
Lacks = tuple[Missing, ...] | None
_WIDE = 200  # columns where there is no terminal: a line each, for grep


def list_(
    expression: Annotated[
        str, typer.Option("-k", metavar="EXPR", help="Only these: words, and, or, not.")
    ] = "",
    scenarios: options.Scenarios = None,
    kernel: options.Kernel = None,
    modules: options.Modules = None,
    json: options.Json = False,
) -> None:
    """List the scenarios; with --kernel, as they apply to that one."""
    from hibtest import images
    from hibtest.bench import catalogue
    from hibtest.bench.chosen import asked_of, host_in_doubt, on_own_kernel, why_not
    from hibtest.spec.select import select

    places = catalogue.named(scenarios)
    known = catalogue.scenarios(places)
    found = asked_of(known, lambda among: select(among, expression)) if expression else known
    if kernel:
        found, lacks = on_own_kernel(found), images.own_lacks(kernel, modules, _warn)
    elif modules:
        raise SpecError(f"--modules {modules} needs --kernel")
    else:
        lacks = None
    host = host_in_doubt()
    if json:
        print_json(_told(found, lacks, host) if kernel or host else found)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading, wraps in (("scenario", False), ("image by", True), ("expected", True)):
        table.add_column(heading, no_wrap=not wraps, overflow="fold")
    for one in found:
        by = "kernel" if isinstance(one.method, KernelMethod) else "agent"
        why = why_not(one, lacks, host)
        table.add_row(one.name, by, f"does not apply: {why}" if why else _expected(one))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDE)
    console.print(table)
    own = catalogue.DIRECTORY in places
    if not own:
        console.print(f"\nhibtest's own: --scenarios {catalogue.OWN}")
    others = _only_in_pytest(catalogue.DIRECTORY, lacks, kernel) if own and not expression else []
    if others:
        console.print(f"\n{_BY_PYTEST}")
    for name in others:
        console.print(name, markup=False, soft_wrap=True)


def _expected(one: Scenario) -> str:
    bugs = (f"; {bug.expected} on {bug.words}" for bug in one.known)
    return f"{one.expected}{''.join(bugs)}"


def _warn(text: str) -> None:
    print(f"hibtest: {printable(text)}", file=sys.stderr)


def _told(found: Iterable[Scenario], lacks: Lacks, host: Host | None) -> list[dict[str, Any]]:
    """Return scenarios for JSON, each with why it does not apply; empty if it does."""
    from hibtest.bench.chosen import why_not
    from hibtest.evidence import to_json

    why = ((one, why_not(one, lacks, host)) for one in found)
    return [{**json.loads(to_json(one)), "inapplicable": text} for one, text in why]


def _only_in_pytest(directory: Path, lacks: Lacks, kernel: str | None) -> list[str]:
    """Return the tests of scenarios that have no scenario: pytest makes them.

    With those that do not apply to a kernel of one's own it is said why.
    """
    import pytest

    from hibtest.snapshotdev import Case
    from hibtest.spec.needs import unmet_options

    def told(item: pytest.Item) -> str:
        case = item.callspec.params.get("case") if hasattr(item, "callspec") else None
        why = unmet_options(case.needs, lacks) if isinstance(case, Case) else ""
        name = item.nodeid.rpartition("::")[2]
        return f"{name} does not apply: {why}" if why else name

    class Collector:
        def __init__(self) -> None:
            self.names: list[str] = []

        def pytest_collection_finish(self, session: pytest.Session) -> None:
            for item in session.items:
                fixtures = getattr(item, "fixturenames", ())
                if "hib_bench" in fixtures and "hib_scenario" not in fixtures:
                    self.names.append(told(item))

    collector = Collector()
    words = ["--collect-only", "-qq", "--continue-on-collection-errors", "-c", "/dev/null"]
    if kernel:
        words.append(f"--hib-kernel={kernel}")
    alone = ["-p", "no:cacheprovider", "-p", "no:xdist", f"--confcutdir={directory}"]
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main([*words, *alone, str(directory)], plugins=[collector])
    return collector.names
