"""Runs on other hosts, a few at a time, shown and judged here as those of one host are."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from hibtest.bench import own_files
from hibtest.bench.counting import until_it_counts
from hibtest.bench.finish import Result, judged
from hibtest.bench.work import unjudged_run
from hibtest.cluster.dask import DEATHS
from hibtest.cluster.joined import Cluster
from hibtest.cluster.landing import land
from hibtest.cluster.order import Kernel, Order, who_we_are
from hibtest.cluster.ordered import Lost, Ordered, WorkerDied
from hibtest.cluster.rows import Rows
from hibtest.evidence import Try
from hibtest.spec import Scenario
from hibtest.verdict import unjudged

_MOST_THREADS = 128  # runs side by side, in however large a cluster
_LOOK_AGAIN = 1.0  # s


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How runs are made.

    :ivar runs: Where they land on this host.
    :ivar owner: Of the runs that land.
    :ivar kernels: What is booted, by the names that scenarios have for it.
    :ivar able: Which workers can run a scenario, by its name; one that is not here: all can.
    :ivar jobs: Most runs side by side; 0: as many as there are seats.
    :ivar console: Whether what guests print is shown.
    """

    runs: Path
    owner: str
    kernels: Mapping[str, Kernel]
    able: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    accel: str = "auto"
    proof: bool = True
    retry: bool = True
    warm: bool = True
    keep: bool = False
    jobs: int = 0
    console: bool = False


class Away:
    """Has a cluster make runs; leaving :meth:`run` ends all that are under way."""

    def __init__(self, cluster: Cluster, rows: Rows, ways: Ways) -> None:
        self._cluster, self._rows, self._ways = cluster, rows, ways
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {}
        self._under_way = 0

    def run(self, scenarios: Sequence[Scenario], done: Callable[[Result], None]) -> None:
        """Run all scenarios; whatever becomes of one, the others are run.

        :param done: Is told each result, in the thread of the caller.
        """
        self._cluster.hear(self._rows.take)
        most = min(len(scenarios), self._ways.jobs or _MOST_THREADS)
        with self._cluster.lending(), ThreadPoolExecutor(max(1, most)) as threads, self._ended():
            futures = {threads.submit(self._one, scenario) for scenario in scenarios}
            while futures:
                finished, futures = wait(futures, return_when=FIRST_COMPLETED)
                for result in (one.result() for one in finished):
                    if result is not None:
                        done(result)

    @contextmanager
    def _ended(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._stopped.set()
            raise

    def _one(self, scenario: Scenario) -> Result | None:
        def told(one: Try) -> None:
            self._rows.note(scenario.name, f"once more, in a new run: {one.reason}")

        return until_it_counts(
            lambda tries: self._try(scenario, tries), told, retry=self._ways.retry
        )

    def _try(self, scenario: Scenario, tries: tuple[Try, ...]) -> Result | None:
        try:
            with self._place() as free:
                return self._landed(self._order(scenario, tries)) if free else None
        except Exception as error:  # whatever it is, it must not end the other runs
            return Result(verdict=unjudged_run(scenario, None, error))

    @contextmanager
    def _place(self) -> Iterator[bool]:
        """Wait for a seat that no other run of ours takes; yield whether there is to be a run.

        Dask would take all runs at once, and give each to a worker: a worker that dies would
        count against those that only wait for it.
        """
        while not self._taken():
            if self._stopped.wait(_LOOK_AGAIN):
                yield False
                return
        try:
            yield True
        finally:
            with self._lock:
                self._under_way -= 1

    def _taken(self) -> bool:
        if self._stopped.is_set():
            return False
        seats = self._cluster.seats()
        with self._lock:
            # without a seat anywhere somebody must wait for one, and say so in the end
            free = self._under_way < max(1, seats)
            self._under_way += free
            return free

    def _order(self, scenario: Scenario, tries: tuple[Try, ...]) -> Order:
        ways = self._ways
        with self._lock:
            number = self._numbers[scenario.name] = self._numbers.get(scenario.name, 0) + 1
        return Order(
            run=f"{self._cluster.topic}-{scenario.name}-{number}",
            topic=self._cluster.topic,
            who=who_we_are(),
            scenario=scenario,
            kernels=tuple(ways.kernels[name] for name in scenario.kernels),
            own=own_files.read(scenario),
            accel=ways.accel,
            proof=ways.proof,
            retry=ways.retry,
            warm=ways.warm,
            keep=ways.keep,
            tries=tries,
            console=ways.console,
        )

    def _landed(self, order: Order) -> Result | None:
        """Have a run made until it is here; a worker that is lost costs time, a few times."""
        name = order.scenario.name
        for number in range(DEATHS + 1):
            if self._stopped.is_set():
                return None
            try:
                return self._once(replace(order, run=f"{order.run}-{number}"))
            except Lost as lost:
                self._rows.note(name, f"once more elsewhere: {lost.message}")
        raise WorkerDied(f"the workers that ran it were lost, {DEATHS + 1} times")

    def _once(self, order: Order) -> Result | None:
        scenario, ways = order.scenario, self._ways
        able = ways.able.get(scenario.name)
        ordered = Ordered(self._cluster, order, able, self._stopped)
        with self._rows.row(order.run, scenario.name), ordered as one:
            done = one.wait()
            if done is None:
                return None
            if told := done.trouble:
                verdict = unjudged(scenario, told.kind, told.message, hint=told.hint)
                return Result(verdict=verdict)
            job = land(done, one.piece, ways.runs, ways.owner, order.run)
        return judged(job, keep=ways.keep)
