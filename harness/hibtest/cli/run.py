"""``hibtest run``: scenarios, a few at a time, ending in a table of verdicts."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hibtest.cli import options
from hibtest.errors import SpecError
from hibtest.printable import printable
from hibtest.settings import Settings
from hibtest.spec import OWN_KERNEL, Scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from hibtest.cli.again import Again
    from hibtest.cli.prepare import Bench
    from hibtest.spec import GuestFiles


def run(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Scenarios: `hibtest list`.")
    ] = None,
    expression: options.Expression = None,
    scenarios: options.Scenarios = None,
    times: Annotated[int, typer.Option(min=1, help="Run each so many times.")] = 1,
    jobs: Annotated[int, typer.Option("-j", min=0, help="Side by side; 0: as fit here.")] = 0,
    kernel: options.Kernel = None,
    modules: options.Modules = None,
    append: options.Append = None,
    memory: options.Memory = None,
    vcpus: options.Vcpus = None,
    lives: options.Lives = None,
    accel: options.Accel = None,
    runs: options.Runs = None,
    again: Annotated[
        Path | None,
        typer.Option("--from", metavar="RUN", help="That run again: its kernel, its options."),
    ] = None,
    proof: options.Proof = None,
    retry: options.Retry = None,
    keep: options.Keep = None,
    bisect: Annotated[
        bool, typer.Option("--bisect", help="Exit as git bisect run wants it: 125 is no verdict.")
    ] = False,
    verbose: Annotated[
        int, typer.Option("-v", count=True, help="A line per stage; -vv: consoles, tracebacks.")
    ] = 0,
) -> int:
    """Run scenarios: by default one full cycle of each guest kernel."""
    from hibtest.cli import bisecting

    asked = Settings(
        scenarios=tuple(scenarios) if scenarios else None, kernel=kernel, modules=modules,
        append=append, memory=memory, vcpus=vcpus, lives=lives, accel=accel, runs=runs,
        proof=proof, retry=retry, keep=keep,
    )  # fmt: skip
    with bisecting.told(bisect):
        _refuse_several(names, expression, again)
        earlier = _earlier(again) if again else None
        if earlier:
            said, chosen = _as_then(earlier, asked)
        else:
            said, chosen = _chosen(names or [], expression, asked)
        status = _run(said, chosen, earlier, times, jobs, verbose)
    return bisecting.status(status) if bisect else status


def _refuse_several(names: list[str] | None, expression: str | None, again: Path | None) -> None:
    ways = {"NAME": names, "-k": expression, "--from": again}
    given = [way for way, value in ways.items() if value]
    if len(given) > 1:
        raise SpecError(
            f"{' and '.join(given)}: each says which scenarios", hint="give one of them"
        )


def _earlier(directory: Path) -> "Again":
    from hibtest.cli.again import again

    return again(directory)


def _as_then(earlier: "Again", asked: Settings) -> tuple[Settings, tuple[Scenario, ...]]:
    """Return how an earlier run is made again: nothing but what is asked for is changed."""
    from hibtest.cli.chosen import changed

    return asked.over(earlier.said), (changed(earlier.scenario, asked),)


def _chosen(
    names: list[str], expression: str | None, asked: Settings
) -> tuple[Settings, tuple[Scenario, ...]]:
    from hibtest import settings
    from hibtest.cli.catalogue import scenarios
    from hibtest.cli.chosen import changed, chosen

    said = asked.over(settings.found(Path.cwd()))
    found = chosen(scenarios(said.scenarios or ()), names, expression)
    if not (names or expression or said.kernel or said.scenarios):
        said = replace(said, lives=said.lives or 1)  # the main job is one full cycle
    return said, tuple(changed(one, said) for one in found)


def _run(
    said: Settings,
    chosen: tuple[Scenario, ...],
    earlier: "Again | None",
    times: int,
    jobs: int,
    verbose: int,
) -> int:
    from rich.console import Console

    from hibtest.cli.chosen import on_own_kernel
    from hibtest.cli.leftovers import owner
    from hibtest.cli.prepare import bench_as

    console = Console(highlight=False)

    def say(text: str) -> None:
        console.print(printable(text), soft_wrap=True, markup=False)

    here = bench_as(said)
    given = _given(said, earlier, say)
    if given and given.kernel_name == OWN_KERNEL:
        chosen = on_own_kernel(chosen)
    here = _with_files(replace(here, given=given), chosen)
    say(f"QEMU {here.host.qemu}, {here.host.accel}: {here.host.accel_reason}")
    with owner(here.runs, say) as name:
        here = replace(here, owner=name)
        return _run_all(here, chosen * times, jobs, said, console, verbose)


def _given(
    said: Settings, earlier: "Again | None", say: "Callable[[str], None]"
) -> "GuestFiles | None":
    """Return the files of one's own kernel, or of that of an earlier run, if there is one."""
    from hibtest import images
    from hibtest.cli.images import progress

    if said.modules and not said.kernel:
        raise SpecError(f"--modules {said.modules} needs --kernel")
    with progress() as report:
        if said.kernel:
            return images.own_kernel(said.kernel, said.modules, report, say)
        found = earlier.files(report) if earlier else None
    if earlier:
        say(f"again: {earlier.directory}" + (f", Linux {found.release}" if found else ""))
    return found


def _with_files(here: "Bench", scenarios: tuple[Scenario, ...]) -> "Bench":
    """Build what is missing of guest disks; say what is lacking before anything runs."""
    from hibtest import images
    from hibtest.cli.images import progress

    names = {scenario.guest.kernel for scenario in scenarios}
    missing = names - {here.given.kernel_name if here.given else OWN_KERNEL, OWN_KERNEL}
    if missing:
        with progress() as report:
            images.build(sorted(missing), report)
    for kernel in names:
        here.files(kernel)
    return here


def _run_all(
    here: "Bench",
    scenarios: tuple[Scenario, ...],
    jobs: int,
    said: Settings,
    console: "Console",
    verbose: int,
) -> int:
    from hibtest.cli.pool import Pool, parallel
    from hibtest.cli.summary import Summary
    from hibtest.report.terminal import Board

    board = Board(console, verbose)
    summary = Summary(console, board, here.runs, len(scenarios))
    try:
        with board.shown():
            pool = Pool(here, board, jobs or parallel(scenarios), keep=bool(said.keep))
            pool.run(scenarios, summary.done)
    finally:
        summary.show()
    return summary.status()
