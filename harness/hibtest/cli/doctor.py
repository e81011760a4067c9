"""``hibtest doctor``: what this machine has of what hibtest needs."""

from pathlib import Path
from typing import TYPE_CHECKING

from hibtest.cli import options
from hibtest.cli.output import print_json
from hibtest.errors import ExitStatus

if TYPE_CHECKING:
    from rich.table import Table

    from hibtest.doctor import Check

_SIGNS = {True: "[green]ok[/]", None: "[yellow]but[/]", False: "[red]no[/]"}


def doctor(
    runs: options.Runs = None,
    json: options.Json = False,
) -> int:
    """Check this machine: QEMU, acceleration, tools, directories, memory."""
    from rich.console import Console

    from hibtest import settings
    from hibtest.bench.prepare import RUNS
    from hibtest.doctor import checks
    from hibtest.programs import PACKAGES

    found = checks(PACKAGES, runs or settings.found(Path.cwd()).runs or RUNS)
    if json:
        print_json(found)
    else:
        Console(highlight=False).print(_table(found))
    missing = any(check.ok is False for check in found)
    return ExitStatus.UNAVAILABLE if missing else ExitStatus.EXPECTED


def _table(checks: "tuple[Check, ...]") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column()
    table.add_column(overflow="fold")  # a path that is cut cannot be pasted
    for check in checks:
        table.add_row(_SIGNS[check.ok], check.name, escape(check.detail))
        if check.remedy:
            table.add_row("", "", f"→ {escape(check.remedy)}")
    return table
