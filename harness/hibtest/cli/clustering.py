"""Scenarios that are chosen, run on the hosts of a cluster and judged on this one."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hibtest import images
from hibtest.bench.chosen import NOT_HERE, Inapplicable, on_own_kernel, why_not
from hibtest.bench.leftovers import owner
from hibtest.bench.prepare import RUNS
from hibtest.cli.again import Again
from hibtest.cli.running import Way, given
from hibtest.cli.summary import Enough, Form, Summary
from hibtest.cluster import asked, stock
from hibtest.cluster.asked import Looked
from hibtest.cluster.away import Away, Ways
from hibtest.cluster.joined import Cluster, joined
from hibtest.cluster.local import local, wanted
from hibtest.cluster.order import Kernel
from hibtest.cluster.rows import Rows
from hibtest.cluster.work import build
from hibtest.errors import HostError, SpecError
from hibtest.printable import printable
from hibtest.report.board import Board
from hibtest.settings import Settings
from hibtest.spec import OWN_KERNEL, Scenario

Say = Callable[[str], None]
_AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is to be run, and by whom.

    :ivar scenarios: Those that some host can run.
    :ivar others: The others.
    :ivar able: Which workers can, where not all can.
    :ivar kernels: What they boot.
    :ivar hosts: The names of all hosts.
    """

    scenarios: tuple[Scenario, ...]
    others: tuple[Inapplicable, ...]
    able: Mapping[str, tuple[str, ...]]
    kernels: Mapping[str, Kernel]
    hosts: frozenset[str]


def run_on(
    where: str, said: Settings, chosen: tuple[Scenario, ...], earlier: Again | None, way: Way
) -> int:
    """Run scenarios on a cluster and return the exit status.

    :param where: A scheduler's address, or ``local:N``.
    :param earlier: The run that is made again, if one is.
    """
    console = Console(highlight=False, stderr=way.form is not Form.TEXT)

    def say(text: str) -> None:
        console.print(printable(text), soft_wrap=True, markup=False)

    count = wanted(where)
    with local(count) if count else nullcontext(where) as address, joined(address) as cluster:
        cluster.require_same()
        kernel = _given(cluster, said, earlier, say, aside=way.form is not Form.TEXT)
        if kernel and kernel.name == OWN_KERNEL:
            chosen = on_own_kernel(chosen)
        asked_for = _asked(cluster, chosen, kernel, said.accel or _AUTO, say)
        runs = (said.runs or RUNS).absolute()
        if not asked_for.scenarios:  # then nothing is made in the runs directory either
            return _run(cluster, asked_for, _ways(said, asked_for, runs, "", way), console, way)
        with owner(runs, say) as name:
            return _run(cluster, asked_for, _ways(said, asked_for, runs, name, way), console, way)


def _given(
    cluster: Cluster, said: Settings, earlier: Again | None, say: Say, *, aside: bool
) -> Kernel | None:
    """Return one's own kernel, or that of an earlier run, which a worker may have.

    :raise SpecError: As :func:`hibtest.cli.running.given` does.
    """
    try:
        files = given(said, earlier, say, aside=aside)
    except SpecError:
        job = earlier.job if earlier else None
        if said.kernel or job is None:
            raise
        parts = images.parts_of(job.files)
        if not all(any(cluster.ask(asked.has, key).values()) for key in parts.keys):
            raise
        say(f"again: {job.kernel.name}, Linux {job.kernel.release}, which a worker has")
        return Kernel(
            name=job.kernel.name, release=job.kernel.release, parts=parts, lacks=job.files.lacks
        )
    return stock.as_kernel(files) if files else None


def _ways(said: Settings, asked_for: _Asked, runs: Path, name: str, way: Way) -> Ways:
    return Ways(
        runs=runs,
        owner=name,
        kernels=asked_for.kernels,
        able=asked_for.able,
        accel=said.accel or _AUTO,
        proof=said.proof is not False,
        retry=said.retry is not False,
        warm=said.warm is not False,
        keep=bool(said.keep),
        jobs=way.jobs,
        console=way.verbose > 1,
    )


def _run(cluster: Cluster, asked_for: _Asked, ways: Ways, console: Console, way: Way) -> int:
    scenarios = asked_for.scenarios * way.times
    board = Board(console, way.verbose, len(scenarios))
    summary = Summary(
        console, board, ways.runs, len(scenarios), asked_for.others, form=way.form, most=way.most
    )
    try:
        with board.shown():
            Away(cluster, Rows(board, asked_for.hosts), ways).run(scenarios, summary.done)
    except Enough as enough:
        console.print(f"stopped: {enough}", soft_wrap=True, markup=False)
    finally:
        summary.show()
        cluster.wait_until_idle()
    return summary.status()


def _asked(
    cluster: Cluster, chosen: tuple[Scenario, ...], kernel: Kernel | None, accel: str, say: Say
) -> _Asked:
    lacks = kernel.lacks if kernel else None
    unmet = {one.name: why for one in chosen if (why := why_not(one, lacks, None))}
    others = [Inapplicable(scenario=name, why=why) for name, why in unmet.items()]
    chosen = tuple(one for one in chosen if one.name not in unmet)
    looked: dict[str, Looked] = cluster.ask(asked.look, chosen, accel, of=cluster.members())
    if not looked:
        raise HostError(f"no worker at {cluster.where} says what it can run")
    say(_told(cluster, looked))
    able: dict[str, tuple[str, ...]] = {}
    for one in chosen:
        why_not_there = [what.why[one.name] for what in looked.values() if one.name in what.why]
        if len(why_not_there) == len(looked):
            others.append(Inapplicable(scenario=one.name, why=why_not_there[0], how=NOT_HERE))
        elif why_not_there:
            can = tuple(at for at, what in looked.items() if one.name not in what.why)
            able[one.name] = can
    cannot = {one.scenario for one in others}
    chosen = tuple(one for one in chosen if one.name not in cannot)
    return _Asked(
        scenarios=chosen,
        others=tuple(others),
        able=able,
        kernels=_kernels(cluster, chosen, kernel, looked, say),
        hosts=frozenset(one.host for one in looked.values()),
    )


def _told(cluster: Cluster, looked: Mapping[str, Looked]) -> str:
    """Return who is there, in a line."""
    hosts = sorted({f"{one.host} ({one.runs_on or 'no QEMU'})" for one in looked.values()})
    return f"{cluster.where}, seats: {cluster.seats()}: {', '.join(hosts)}"


def _kernels(
    cluster: Cluster,
    chosen: Sequence[Scenario],
    kernel: Kernel | None,
    looked: Mapping[str, Looked],
    say: Say,
) -> dict[str, Kernel]:
    """Return what names of kernels stand for, for all hosts alike.

    They are this host's guest disks, else those that most workers have; if nobody has any, a
    worker builds them.

    :raise HibtestError: When none can.
    """
    names = sorted({name for one in chosen for name in one.kernels})
    found = {kernel.name: kernel} if kernel else {}
    ours = stock.kernels([name for name in names if name not in found])
    found = {**ours, **found}
    for name in names:
        if name in found:
            continue
        there = Counter(one.kernels[name] for one in looked.values() if name in one.kernels)
        found[name] = there.most_common(1)[0][0] if there else _built(cluster, name, looked, say)
    return found


def _built(cluster: Cluster, name: str, looked: Mapping[str, Looked], say: Say) -> Kernel:
    """Have a worker build a kernel's guest disks; the next one, if it cannot."""
    trouble: Exception = HostError(f"guest kernel {name} is not built")
    for at, what in looked.items():
        say(f"builds the guest disks of {name} on {what.host}")
        key = f"{cluster.topic}-build-{name}-{what.host}"
        try:
            built = cluster.submit(build, name, key=key, takes={}, of=[at]).result()
        except HostError as error:
            trouble = error
            continue
        if isinstance(built, Kernel):
            return built
    raise trouble
