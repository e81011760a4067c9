"""``hibtest run``: scenarios, a few at a time, ending in a table of verdicts."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hibtest.errors import ExitStatus, SpecError
from hibtest.printable import printable
from hibtest.spec import Outcome, Scenario

if TYPE_CHECKING:
    from rich.console import Console

    from hibtest.cli.prepare import Bench, OwnKernel, Result
    from hibtest.report.terminal import Row

SMOKE = "smoke"


def run(
    expression: Annotated[
        str | None,
        typer.Option("-k", metavar="EXPR", help="Which scenarios: words, and, or, not; or 'all'."),
    ] = None,
    times: Annotated[int, typer.Option(min=1, help="Run each so many times.")] = 1,
    jobs: Annotated[int, typer.Option("-j", min=0, help="Side by side; 0: as fit here.")] = 0,
    kernel: Annotated[
        Path | None, typer.Option(metavar="BZIMAGE", help="Your own kernel, in place of all.")
    ] = None,
    modules: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Its lib/modules/VERSION, if it needs any.")
    ] = None,
    append: Annotated[
        str, typer.Option(metavar="WORDS", help="More words for the kernel's command line.")
    ] = "",
    memory: Annotated[
        int, typer.Option(metavar="MIB", min=0, help="Guest memory, in place of the scenario's.")
    ] = 0,
    vcpus: Annotated[
        int, typer.Option(metavar="N", min=0, help="vCPUs, in place of the scenario's.")
    ] = 0,
    lives: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Hibernations of each life, not the scenario's."),
    ] = 0,
    accel: Annotated[str, typer.Option(help="auto, kvm or tcg.")] = "auto",
    runs: Annotated[
        Path, typer.Option(envvar="HIBTEST_RUNS", help="Where run directories go.")
    ] = Path("runs"),
    again: Annotated[
        Path | None, typer.Option("--from", metavar="RUN", help="The scenario of that run.")
    ] = None,
    proof: Annotated[
        bool, typer.Option("--proof/--no-proof", help="Compare the image with memory by page.")
    ] = True,
    retry: Annotated[
        bool, typer.Option("--retry/--no-retry", help="Run again what QEMU itself died of.")
    ] = True,
    keep: Annotated[bool, typer.Option("--keep", help="Keep disks also of good runs.")] = False,
    verbose: Annotated[
        int, typer.Option("-v", count=True, help="A line per stage; -vv: consoles, tracebacks.")
    ] = 0,
) -> int:
    """Run scenarios: by default one full cycle of each guest kernel."""
    from hibtest.cli.leftovers import owner
    from hibtest.cli.prepare import bench

    own = _own_kernel(kernel, modules)
    if not (expression or again or kernel):
        lives = lives or 1  # the main job is one full cycle; one's own kernel is looked at twice
    chosen = _chosen(expression or SMOKE, again, own=kernel is not None)
    scenarios = tuple(_changed(one, append.split(), memory, vcpus, lives) for one in chosen)
    _build_missing(scenarios)
    here = bench(runs, accel, own, proof=proof, retry=retry)
    console = _begin(here, scenarios)
    with owner(here.runs, lambda text: console.print(text, markup=False)) as name:
        here = replace(here, owner=name)
        return _run_all(here, scenarios * times, jobs, keep, console, verbose)


def _own_kernel(bzimage: Path | None, modules: Path | None) -> "OwnKernel | None":
    from hibtest.cli.prepare import OwnKernel

    if modules and not bzimage:
        raise SpecError(f"--modules {modules} needs --kernel BZIMAGE")
    return OwnKernel(bzimage=bzimage, modules=modules) if bzimage else None


def _chosen(expression: str, again: Path | None, *, own: bool) -> tuple[Scenario, ...]:
    from hibtest.cli.catalogue import scenarios
    from hibtest.cli.prepare import on_own_kernel
    from hibtest.evidence import read_json
    from hibtest.spec.select import select

    if again:
        found: tuple[Scenario, ...] = (read_json(again / "scenario.json", Scenario),)
    else:
        found = scenarios() if expression == "all" else select(scenarios(), expression)
    return on_own_kernel(found) if own else found


def _begin(here: "Bench", scenarios: tuple[Scenario, ...]) -> "Console":
    """Say what is lacking, before anything runs, or what guests run on."""
    from rich.console import Console

    for kernel in {scenario.guest.kernel for scenario in scenarios}:
        here.files(kernel)
    console = Console(highlight=False)
    host = here.host
    told = printable(f"QEMU {host.qemu}, {host.accel}: {host.accel_reason}")
    console.print(told, soft_wrap=True, markup=False)
    return console


def _changed(
    scenario: Scenario, append: list[str], memory: int, vcpus: int, lives: int
) -> Scenario:
    guest = scenario.guest
    guest = replace(
        guest,
        append=(*guest.append, *append),
        memory_mib=memory or guest.memory_mib,
        vcpus=vcpus or guest.vcpus,
        max_vcpus=max(vcpus, guest.max_vcpus) if guest.max_vcpus else None,
    )
    return replace(scenario, guest=guest, lives=lives or scenario.lives)


def _build_missing(scenarios: tuple[Scenario, ...]) -> None:
    from hibtest import images
    from hibtest.cli.images import progress
    from hibtest.spec import OWN_KERNEL

    names = {scenario.guest.kernel for scenario in scenarios} - {OWN_KERNEL}
    if names:
        with progress() as report:
            images.build(sorted(names), report)


def _run_all(
    here: "Bench",
    scenarios: tuple[Scenario, ...],
    jobs: int,
    keep: bool,
    console: "Console",
    verbose: int,
) -> int:
    from hibtest.cli.pool import Pool, parallel
    from hibtest.report.terminal import Board, Row, explain, verdict_table

    rows: list[Row] = []
    board = Board(console, verbose)

    def done(result: "Result") -> None:
        job, seconds = result.job, result.seconds
        where = _short(job.directory) if job else ""
        release = job.kernel.release if job else ""
        rows.append(Row(verdict=result.verdict, kernel=release, seconds=seconds, directory=where))
        board.verdict(result.verdict, seconds)

    side_by_side = jobs or parallel(scenarios)
    try:
        with board.shown():
            Pool(here, board, side_by_side, keep=keep).run(scenarios, done)
    finally:
        if rows:
            console.print()
            console.print(verdict_table(rows))
            for row in rows:
                if not row.verdict.as_expected or row.verdict.tries:
                    console.print(f"\n{explain(row)}", soft_wrap=True)
            console.print(f"\n{_summary(rows, len(scenarios))}")
            console.print(
                f"Runs: {_short(here.runs)}/SCENARIO/N; the last: {_short(here.runs)}/latest"
            )
    return _status(rows)


def _short(directory: Path) -> str:
    try:
        return str(directory.relative_to(Path.cwd()))
    except ValueError:
        return str(directory)


def _summary(rows: list["Row"], asked: int) -> str:
    good = sum(row.verdict.as_expected for row in rows)
    text = f"{good} of {asked} as expected"
    tries = sum(len(row.verdict.tries) for row in rows)
    if tries:
        text += f"; {tries} {'try' if tries == 1 else 'tries'} discarded, see above"
    return text if len(rows) == asked else f"{text}; {asked - len(rows)} not run to an end"


def _status(rows: list["Row"]) -> int:
    """A kernel surprise weighs more than a run that could not be judged."""
    surprises = [row.verdict for row in rows if not row.verdict.as_expected]
    if any(verdict.outcome is not Outcome.INVALID for verdict in surprises):
        return ExitStatus.UNEXPECTED
    return ExitStatus.UNAVAILABLE if surprises or not rows else ExitStatus.EXPECTED
