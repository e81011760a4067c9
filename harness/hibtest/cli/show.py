"""``hibtest plan`` and ``judge``: look without booting."""

import sys
from functools import partial
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
    kernel: options.Kernel = None,
    modules: options.Modules = None,
    append: options.Append = None,
    memory: options.Memory = None,
    vcpus: options.Vcpus = None,
    lives: options.Lives = None,
    accel: options.Accel = None,
    warm: options.Warm = None,
    json: options.Json = False,
) -> None:
    """Show what `run SCENARIO` would do, with QEMU's command line for each boot. Starts none."""
    from hibtest import settings
    from hibtest.bench import catalogue
    from hibtest.bench.chosen import asked_of, by_name, changed, on_own_kernel
    from hibtest.cli.plan import plan_lines, planned
    from hibtest.cli.running import given

    asked = settings.Settings(
        scenarios=tuple(scenarios) if scenarios else None, kernel=kernel, modules=modules,
        append=append, memory=memory, vcpus=vcpus, lives=lives, accel=accel, warm=warm,
    )  # fmt: skip
    said = asked.over(settings.found(Path.cwd()))
    known = catalogue.scenarios(said.scenarios or ())
    scenario = changed(asked_of(known, lambda among: by_name(among, name)), said)
    files = given(said, None, partial(print, file=sys.stderr), aside=True)
    if files:
        [scenario] = on_own_kernel((scenario,))
    found = planned(scenario, said.accel or "auto", files, warm=said.warm is not False)
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

    from hibtest.bench.finish import judge_run
    from hibtest.report.terminal import explain
    from hibtest.spec import Outcome

    verdict = judge_run(directory).verdict
    if json:
        print_json(verdict)
    else:
        Console(highlight=False).print(explain(verdict, str(directory)), soft_wrap=True)
    if verdict.outcome is Outcome.INVALID:
        return ExitStatus.UNAVAILABLE
    return ExitStatus.EXPECTED if verdict.as_expected else ExitStatus.UNEXPECTED
