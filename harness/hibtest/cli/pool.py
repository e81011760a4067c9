"""Runs jobs side by side, each in a worker process, and shows how they go."""

import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

import psutil

from hibtest.bench.able import PER_GUEST_MIB
from hibtest.bench.counting import until_it_counts
from hibtest.bench.finish import Result, finish
from hibtest.bench.prepare import Bench
from hibtest.bench.work import note_end, started, unjudged_run
from hibtest.cycle.storage.left import drop_disks
from hibtest.events import from_line
from hibtest.evidence import Try
from hibtest.job import Job
from hibtest.machine.turns import seats
from hibtest.report.board import Board
from hibtest.spec import Scenario


def parallel(scenarios: Sequence[Scenario]) -> int:
    """Return how many guests fit side by side on this host: in its CPUs and its free memory.

    An emulated guest takes one CPU: hibtest/machine/turns.py says why.
    """
    free = psutil.virtual_memory().available >> 20
    memory = max((scenario.guest.memory_mib for scenario in scenarios), default=0)
    largest = memory + PER_GUEST_MIB
    return max(1, min(seats(), free // largest, len(scenarios)))


class Pool:
    """Runs scenarios ``jobs`` at a time; leaving the context ends every worker.

    Done runs are told to ``done`` in the thread of the caller.
    """

    def __init__(self, bench: Bench, board: Board, jobs: int, *, keep: bool) -> None:
        self._bench = bench
        self._board = board
        self._jobs = jobs
        self._keep = keep
        self._workers: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def run(self, scenarios: Sequence[Scenario], done: Callable[[Result], None]) -> None:
        """Run all scenarios; whatever becomes of one, the others are run."""
        with ThreadPoolExecutor(self._jobs) as threads, self._ended_with_us():
            futures = {threads.submit(self._one, scenario) for scenario in scenarios}
            for result in _as_done(futures):
                done(result)

    @contextmanager
    def _ended_with_us(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with self._lock:
                self._stopped.set()
                for worker in self._workers:
                    worker.terminate()
            raise

    def _one(self, scenario: Scenario) -> Result | None:
        """Run a scenario until a run counts; what cannot be judged is that run's, not its end."""

        def told(one: Try) -> None:
            self._board.note(scenario.name, f"once more, in a new run: {one.reason}")

        return until_it_counts(
            lambda tries: self._try(scenario, tries), told, retry=self._bench.retry
        )

    def _try(self, scenario: Scenario, tries: tuple[Try, ...]) -> Result | None:
        if self._stopped.is_set():
            return None
        job = None
        try:
            job = self._bench.job(scenario, tries)
            return self._judged(job)
        except Exception as error:  # whatever it is, it must not end the other runs
            return Result(verdict=unjudged_run(scenario, job, error), job=job)

    def _judged(self, job: Job) -> Result | None:
        status = self._work(job)
        note_end(job, status)
        if self._stopped.is_set():
            drop_disks(job.directory)
            return None
        return finish(job, keep=self._keep)

    def _work(self, job: Job) -> int:
        run = f"{job.scenario.name}/{job.directory.name}"
        with (
            started(job.directory) as worker,
            self._known(worker),
            self._board.run(run) as sink,
        ):
            for line in worker.stdout or ():
                sink(from_line(line))
            return worker.wait()

    @contextmanager
    def _known(self, worker: subprocess.Popen[bytes]) -> Iterator[None]:
        with self._lock:
            self._workers.add(worker)
            if self._stopped.is_set():
                worker.terminate()
        try:
            yield
        finally:
            with self._lock:
                self._workers.discard(worker)


def _as_done(futures: set[Future[Result | None]]) -> Iterator[Result]:
    while futures:
        finished, futures = wait(futures, return_when=FIRST_COMPLETED)
        for future in finished:
            result = future.result()
            if result is not None:
                yield result
