"""``hibtest show``: what a run came to, how long each stage of it took, and where to look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hibtest.cli import options
from hibtest.cli.output import print_json
from hibtest.printable import printable

if TYPE_CHECKING:
    from rich.table import Table

    from hibtest.evidence import Boot, Evidence
    from hibtest.spec import Scenario
    from hibtest.verdict import Verdict

# What a run's directory may hold, and what of it is for people; docs/run-directory.md has all.
_FILES = {
    "evidence.json": "all that was seen; the verdict rests on it",
    "events.jsonl": "how it went, line by line",
    "server.jsonl": "what the image server did",
    "needed.svg": "which processes the disks need",
    "worker.stderr": "what the program that ran it said",
}
_BOOT_FILES = {
    "console.log": "all that the guest printed",
    "qmp.jsonl": "what QEMU was told and said",
    "qemu.stderr": "what QEMU complained of",
    "argv": "QEMU's command line, to be pasted",
}
_WIDE = 160  # columns of a table of ten lives
_ALWAYS = ("evidence.json", "events.jsonl", "console.log", "argv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is shown of a run.

    :ivar stages: Seconds of each stage of each boot, by the boot's directory.
    :ivar files: Files worth a look, with what they are.
    """

    scenario: Scenario
    verdict: Verdict
    evidence: Evidence
    stages: dict[str, dict[str, float]]
    files: dict[str, str]


def show(
    directory: Annotated[Path, typer.Argument(metavar="RUN", help="The directory of a run.")],
    json: options.Json = False,
) -> None:
    """Show what a run came to: its verdict, the time of each stage, and where to look."""
    from rich.console import Console

    from hibtest.bench.rundir import the_run
    from hibtest.report.drift import drift_table
    from hibtest.report.terminal import explain

    run = the_run(directory)
    shown = _look(run)
    if json:
        _print_json(run, shown)
        return
    console = Console(highlight=False)
    console.print(explain(shown.verdict, str(run)), soft_wrap=True)
    console.print()
    for line in _facts(shown):
        console.print(line, soft_wrap=True, markup=False)
    if shown.stages:
        console.print()
        console.print(_table(shown.stages))
    if (drift := drift_table(shown.evidence)) is not None:
        console.print()
        console.print(drift, width=_WIDE, crop=False)  # cut, its numbers would say nothing
    console.print()
    for line in _where(run, shown):
        console.print(line, soft_wrap=True, markup=False)


def _look(run: Path) -> Shown:
    from hibtest.bench.rundir import SCENARIO
    from hibtest.evidence import Evidence, read_json
    from hibtest.job import EVIDENCE
    from hibtest.spec import Scenario
    from hibtest.verdict import judge

    scenario = read_json(run / SCENARIO, Scenario)
    evidence = read_json(run / EVIDENCE, Evidence)
    return Shown(
        scenario=scenario,
        verdict=judge(scenario, evidence),
        evidence=evidence,
        stages={boot.directory: _stages(boot) for boot in evidence.boots},
        files=dict(_files(run, evidence)),
    )


def _stages(boot: Boot) -> dict[str, float]:
    """Return how long a boot was in each stage, in their order; some come more than once."""
    total: dict[str, float] = {}
    for one in boot.stages:
        total[str(one.stage)] = round(total.get(str(one.stage), 0.0) + one.seconds, 3)
    return total


def _files(run: Path, evidence: Evidence) -> Iterator[tuple[str, str]]:
    places = list(_FILES.items())
    for boot in evidence.boots:
        places += [(f"{boot.directory}/{name}", what) for name, what in _BOOT_FILES.items()]
    for name, what in places:
        path = run / name
        always = path.name in _ALWAYS and path.exists()
        if always or (path.is_file() and path.stat().st_size and path.name != "qmp.jsonl"):
            yield name, what


def _facts(shown: Shown) -> Iterator[str]:
    from hibtest.cli.describe import describe

    evidence = shown.evidence
    if evidence.started:
        yield f"began     {printable(evidence.started)}, {evidence.seconds:.0f} s in all"
    if evidence.kernel:
        kernel = evidence.kernel
        yield printable(f"kernel    {kernel.name} {kernel.release}, sha256 {kernel.sha256[:16]}…")
    if evidence.host:
        host = evidence.host
        yield printable(f"host      QEMU {host.qemu}, {host.accel} ({host.accel_reason})")
    for name, what in describe(shown.scenario):
        yield printable(f"{name:9} {what}")
    if started := [f"{boot.directory} from {_began(boot)}" for boot in evidence.boots]:
        yield printable(f"{'started':9} {', '.join(started)}")
    for boot in evidence.boots:
        for step in boot.steps:
            yield printable(f"{'done':9} {boot.directory}: {step.name}, {step.detail}")
        for strike in boot.struck:
            when = f"in {strike.stage}, {strike.t:.0f} s after the run began"
            yield printable(f"{'struck':9} {boot.directory}: {strike.fault.what.words}, {when}")


def _began(boot: Boot) -> str:
    threads = f" (thread={boot.threads})" if boot.threads else ""
    return f"{boot.template or 'its firmware'}{threads}"


def _table(stages: dict[str, dict[str, float]]) -> Table:
    from rich.table import Table

    from hibtest.report.terminal import escape
    from hibtest.spec import Stage

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("seconds", no_wrap=True)
    for boot in stages:
        table.add_column(escape(boot), justify="right", no_wrap=True)
    for stage in Stage:
        cells = [boot.get(stage) for boot in stages.values()]
        if any(cell is not None for cell in cells):
            table.add_row(stage, *("" if cell is None else f"{cell:.1f}" for cell in cells))
    totals = (sum(boot.values()) for boot in stages.values())
    table.add_row("in all", *(f"{total:.1f}" for total in totals), style="bold")
    return table


def _where(run: Path, shown: Shown) -> Iterator[str]:
    from hibtest.cycle.storage.left import disks_in

    yield printable(f"In {run}:")
    width = max(map(len, shown.files), default=0)
    for name, what in shown.files.items():
        yield printable(f"  {name:{width}}  {what}")
    yield f"  {'rerun.sh':{width}}  makes this run again"
    if disks_in(run):
        yield printable(f"Its disks are there: hibtest boot {run}")


def _print_json(run: Path, shown: Shown) -> None:
    from hibtest.verdict.drift import measured

    value = {
        "run": str(run),
        "verdict": shown.verdict,
        "scenario": shown.scenario,
        "started": shown.evidence.started,
        "seconds": shown.evidence.seconds,
        "kernel": shown.evidence.kernel,
        "host": shown.evidence.host,
        "stages": shown.stages,
        "levels": dict(measured(shown.evidence)),
        "files": shown.files,
    }
    print_json(value)
