"""``hibtest list``, ``plan`` and ``judge``: look without booting."""

from pathlib import Path
from typing import Annotated

import typer

from hibtest.cli import options
from hibtest.errors import ExitStatus
from hibtest.evidence import to_json
from hibtest.printable import printable_json
from hibtest.spec import KernelMethod, Method, Scenario


def list_(
    expression: Annotated[
        str, typer.Option("-k", metavar="EXPR", help="Only these: words, and, or, not.")
    ] = "",
    scenarios: options.Scenarios = None,
    json: options.Json = False,
) -> None:
    """List the scenarios."""
    from hibtest.spec.select import select

    found = _known(scenarios)
    found = select(found, expression) if expression else found
    if json:
        print(to_json(found).decode(), end="")
        return
    for scenario in found:
        print(_line(scenario))


def _line(scenario: Scenario) -> str:
    guest = scenario.guest
    tags = f"  [{' '.join(scenario.tags)}]" if scenario.tags else ""
    vcpus = f"{guest.vcpus} vCPU{'s' if guest.vcpus > 1 else ''}"
    return (
        f"{scenario.name:46} {guest.kernel:10} {vcpus:8} {guest.memory_mib:4} MiB  "
        f"{_method(scenario.method):46} {scenario.expected}{tags}"
    )


def _method(method: Method) -> str:
    """Return a method in a few words: who writes the image, and how."""
    if isinstance(method, KernelMethod):
        return f"kernel {method.mode}"
    how = (method.stopper, method.protect, method.target, method.compress)
    return f"agent {' '.join(how)}"


def plan(
    name: Annotated[str, typer.Argument(metavar="SCENARIO", help="Its name: `hibtest list`.")],
    scenarios: options.Scenarios = None,
    accel: options.Accel = None,
) -> None:
    """Show what a scenario does, with the QEMU command line of every boot. Starts nothing."""
    from hibtest.cli.chosen import by_name
    from hibtest.cli.plan import plan_lines

    for line in plan_lines(by_name(_known(scenarios), name), accel or "auto"):
        print(line)


def _known(places: list[Path] | None) -> tuple[Scenario, ...]:
    from hibtest import settings
    from hibtest.cli.catalogue import scenarios

    return scenarios(places or settings.found(Path.cwd()).scenarios or ())


def judge(
    directory: Annotated[Path, typer.Argument(metavar="RUN", help="The directory of a run.")],
    json: options.Json = False,
) -> int:
    """Judge a run again from its stored evidence, without booting."""
    from rich.console import Console

    from hibtest.cli.finish import judge_run
    from hibtest.report.terminal import Row, explain
    from hibtest.spec import Outcome

    verdict = judge_run(directory)
    if json:
        print(printable_json(to_json(verdict).decode()), end="")
    else:
        row = Row(verdict=verdict, kernel="", seconds=0, directory=str(directory))
        Console(highlight=False).print(explain(row), soft_wrap=True)
    if verdict.outcome is Outcome.INVALID:
        return ExitStatus.UNAVAILABLE
    return ExitStatus.EXPECTED if verdict.as_expected else ExitStatus.UNEXPECTED
