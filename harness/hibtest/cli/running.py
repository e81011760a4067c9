"""Scenarios that are chosen, run: with guest disks that are built, on this host as it is."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from rich.console import Console

from hibtest import images
from hibtest.bench.able import require_memory, runnable
from hibtest.bench.chosen import Inapplicable, applying, on_own_kernel
from hibtest.bench.leftovers import owner
from hibtest.bench.prepare import Bench, bench_as
from hibtest.cli.again import Again
from hibtest.cli.images import progress
from hibtest.cli.pool import Pool, parallel
from hibtest.cli.summary import Enough, Form, Summary
from hibtest.errors import ExitStatus, SpecError
from hibtest.machine.accel import ASKED_FOR
from hibtest.machine.shape import Accel
from hibtest.printable import printable
from hibtest.report.board import Board
from hibtest.settings import Settings
from hibtest.spec import OWN_KERNEL, GuestFiles, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How often, how many at a time, and how it is told.

    :ivar jobs: Runs side by side; 0: as fit here.
    :ivar most: After how many surprises no more is run; 0: never.
    :ivar verbose: As for :class:`hibtest.report.board.Board`.
    """

    times: int
    jobs: int
    most: int
    form: Form
    verbose: int

    @classmethod
    def of(cls, *, times: int, jobs: int, most: int, json: bool, ktap: bool, verbose: int) -> "Way":
        """Return one as options say it."""
        form = Form.JSON if json else Form.KTAP if ktap else Form.TEXT
        return cls(times=times, jobs=jobs, most=most, form=form, verbose=verbose)


def run_all(said: Settings, chosen: tuple[Scenario, ...], earlier: Again | None, way: Way) -> int:
    """Run scenarios and return the exit status.

    :param earlier: The run that is made again, if one is.
    """
    aside = way.form is not Form.TEXT  # words for people go to standard error then
    console = Console(highlight=False, stderr=aside)

    def say(text: str) -> None:
        console.print(printable(text), soft_wrap=True, markup=False)

    if not chosen:
        say("no scenario's last verdict was a surprise: there is nothing to run again")
        say("  → not asked: interrupted runs, which have no verdict, and what pytest alone runs")
        return ExitStatus.EXPECTED
    here = bench_as(said)
    files = given(said, earlier, say, aside=aside)
    if files and files.kernel_name == OWN_KERNEL:
        chosen = on_own_kernel(chosen)
    chosen, inapplicable = applying(chosen, files, here.host)
    chosen, unable = runnable(here, chosen)
    require_memory(chosen * way.times, way.jobs)
    others = (*inapplicable, *unable)
    here = _with_files(replace(here, given=files), chosen, aside=aside)
    say(_host(here))
    if not chosen:  # then nothing is made in the runs directory either
        return _side_by_side(here, (), others, said, console, way)
    with owner(here.runs, say) as name:
        here = replace(here, owner=name)
        return _side_by_side(here, chosen * way.times, others, said, console, way)


def _host(here: Bench) -> str:
    """Return in a few words what guests run on."""
    if here.host.accel == Accel.KVM:
        return f"QEMU {here.host.qemu}, KVM"
    why = "" if here.host.accel_reason == ASKED_FOR else " (no KVM: `hibtest doctor` says why)"
    return f"QEMU {here.host.qemu}, emulated{why}"


def given(
    said: Settings, earlier: Again | None, say: Callable[[str], None], *, aside: bool
) -> GuestFiles | None:
    """Return the files of one's own kernel, or of that of an earlier run, if there is one.

    :raise SpecError: When there are modules without a kernel, or as ``images.own_kernel`` does.
    """
    if said.modules and not said.kernel:
        raise SpecError(f"--modules {said.modules} needs --kernel")
    with progress(stderr=aside) as report:
        if said.kernel:
            return images.own_kernel(said.kernel, said.modules, report, say)
        found = earlier.files(report) if earlier else None
    if earlier:
        say(f"again: {earlier.directory}" + (f", Linux {found.release}" if found else ""))
    return found


def _with_files(here: Bench, scenarios: tuple[Scenario, ...], *, aside: bool) -> Bench:
    """Build what is missing of guest disks; say what is lacking before anything runs."""
    names = {kernel for scenario in scenarios for kernel in scenario.kernels}
    missing = names - {here.given.kernel_name if here.given else OWN_KERNEL, OWN_KERNEL}
    if missing:
        with progress(stderr=aside) as report:
            images.build(sorted(missing), report)
    for kernel in names:
        here.files(kernel)
    return here


def _side_by_side(
    here: Bench,
    scenarios: tuple[Scenario, ...],
    others: tuple[Inapplicable, ...],
    said: Settings,
    console: Console,
    way: Way,
) -> int:
    board = Board(console, way.verbose, len(scenarios))
    summary = Summary(
        console, board, here.runs, len(scenarios), others, form=way.form, most=way.most
    )
    pool = Pool(here, board, way.jobs or parallel(scenarios), keep=bool(said.keep))
    try:
        with board.shown():
            pool.run(scenarios, summary.done)
    except Enough as enough:
        console.print(f"stopped: {enough}", soft_wrap=True, markup=False)
    finally:
        summary.show()
    return summary.status()
