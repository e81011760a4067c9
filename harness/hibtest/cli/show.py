"""``hibtest plan`` and ``judge``: look without booting."""

from pathlib import Path
from typing import Annotated

import typer

from hibtest.cli import options
from hibtest.cli.output import print_json
from hibtest.errors import ExitStatus


def plan(
    name: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO", help="Its name: `hibtest list`.", autocompletion=options.names_like
        ),
    ],
    scenarios: options.Scenarios = None,
    accel: options.Accel = None,
    json: options.Json = False,
) -> None:
    """Show what a scenario does, with the QEMU command line of every boot. Starts nothing."""
    from hibtest.cli import catalogue
    from hibtest.cli.chosen import by_name
    from hibtest.cli.plan import plan_lines, planned

    found = planned(by_name(catalogue.known(scenarios), name), accel or "auto")
    if json:
        print_json(found)
        return
    for line in plan_lines(found):
        print(line)


def judge(
    directory: Annotated[Path, typer.Argument(metavar="RUN", help="The directory of a run.")],
    json: options.Json = False,
) -> int:
    """Judge a run again from its stored evidence, without booting."""
    from rich.console import Console

    from hibtest.cli.finish import judge_run
    from hibtest.report.terminal import explain
    from hibtest.spec import Outcome

    verdict = judge_run(directory)
    if json:
        print_json(verdict)
    else:
        Console(highlight=False).print(explain(verdict, str(directory)), soft_wrap=True)
    if verdict.outcome is Outcome.INVALID:
        return ExitStatus.UNAVAILABLE
    return ExitStatus.EXPECTED if verdict.as_expected else ExitStatus.UNEXPECTED
