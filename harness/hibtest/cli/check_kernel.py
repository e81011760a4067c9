"""``hibtest images check-kernel``: what a kernel of one's own lacks as a guest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hibtest.cli import options
from hibtest.cli.output import print_json
from hibtest.errors import ExitStatus

if TYPE_CHECKING:
    from hibtest.images.check_kernel import Report
    from hibtest.spec.lacking import Missing


def check_kernel(
    kernel: Annotated[
        str, typer.Argument(help="The kernel: a build tree, a bzImage, or an installed release.")
    ],
    config: Annotated[
        Path | None, typer.Option(help="Its configuration, if it is not found by itself.")
    ] = None,
    modules: Annotated[
        Path | None,
        typer.Option(help="Its modules, as for `run`: drivers may be modules then."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Say what a kernel's configuration lacks, and why it matters."""
    from hibtest.images import source
    from hibtest.images.check_kernel import check

    report = check(source.find(kernel, modules), config)
    if json:
        print_json(report)
    else:
        for line in lines(report):
            typer.echo(line)
    if not report.bootable:
        raise typer.Exit(ExitStatus.UNEXPECTED)


def lines(report: Report) -> list[str]:
    """Return a report as lines to print."""
    head = f"{report.release} (configuration: {report.config_source})"
    if not report.missing:
        return [f"{head}: nothing is lacking"]
    always = [missing for missing in report.missing if missing.always]
    some = [missing for missing in report.missing if not missing.always]
    return [
        head,
        *_section("No guest works without:", always),
        *_section("Some scenarios do not work without:", some),
        *_about_modules(report),
        "A configuration that lacks nothing: hibtest kconfig",
    ]


def _section(title: str, missing: list[Missing]) -> list[str]:
    if not missing:
        return []
    width = max(len(_wish(entry)) for entry in missing)
    return [title, *(f"  {_wish(entry):{width}}  {entry.why}" for entry in missing)]


def _about_modules(report: Report) -> list[str]:
    found = any(missing.found == "m" for missing in report.missing)
    return ["What is a module will do when its modules are given: --modules DIR"] if found else []


def _wish(missing: Missing) -> str:
    return f"{missing.option}={missing.wanted.replace(' or ', '|')}  is {missing.state}"
