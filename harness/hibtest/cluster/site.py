"""What a worker of a cluster has of ours: runs under way, and runs that wait to be taken.

Dask says by a task's transitions whether anybody still wants it. One that is released, since
whoever ordered it took it, changed their mind, or is gone, is over: its process is ended and its
directory removed.
"""

import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed import Worker, WorkerPlugin, get_worker

from hibtest.errors import HibtestError
from hibtest.store import remove_tree

NAME = "hibtest"


class Unwanted(HibtestError):
    """Nobody wants a run any more."""


class Site(WorkerPlugin):
    """The runs of a worker.

    :param runs: A directory for them, of this worker's alone.
    :param host: What this host is called.
    """

    name = NAME

    def __init__(self, runs: Path, host: str) -> None:
        self.runs = runs
        self.host = host
        self._lock = threading.Lock()
        self._working: dict[str, subprocess.Popen[bytes] | None] = {}
        self._unwanted: set[str] = set()
        self._kept: dict[str, Path] = {}
        self._answers: dict[str, queue.SimpleQueue[Any]] = {}

    def transition(self, key: Any, start: str, finish: str, **_: Any) -> None:
        """Hear of a task; called in the event loop."""
        del start
        if finish == "released" and isinstance(key, str):
            self._over(key)

    def teardown(self, worker: Worker) -> None:
        """End all that is under way: the worker ends."""
        del worker
        self.end()

    def end(self) -> None:
        """End all that is under way."""
        with self._lock:
            for run in self._working:
                self._stop(run)

    @contextmanager
    def at_work(self, run: str) -> Iterator[None]:
        """Be at work on a run."""
        with self._lock:
            self._working[run] = None
        try:
            yield
        finally:
            with self._lock:
                del self._working[run]
                self._unwanted.discard(run)

    def by(self, run: str, process: subprocess.Popen[bytes]) -> None:
        """Have a run that is worked on end with a process when nobody wants it any more."""
        with self._lock:
            self._working[run] = process
            if run in self._unwanted:
                process.terminate()

    def check(self, run: str) -> None:
        """Raise when nobody wants a run that is worked on.

        :raise Unwanted: When so.
        """
        if run in self._unwanted:
            raise Unwanted(f"{run} is not wanted any more")

    def keep(self, run: str, directory: Path) -> None:
        """Keep the directory of a run that is done until nobody wants it any more.

        :raise Unwanted: When that is so already.
        """
        with self._lock:
            self.check(run)
            self._kept[run] = directory

    def kept(self, run: str) -> Path | None:
        """Return the directory of a run that is done, ``None`` when it is not here."""
        return self._kept.get(run)

    def busy(self, topic: str) -> int:
        """Return how many runs of one who orders are under way here."""
        with self._lock:
            return sum(run.startswith(topic) for run in self._working)

    @contextmanager
    def asking(self, ticket: str) -> Iterator[queue.SimpleQueue[Any]]:
        """Open a queue for the answers to one who asks."""
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._answers[ticket] = answers
        try:
            yield answers
        finally:
            del self._answers[ticket]

    def answered(self, ticket: str, answer: object) -> None:
        """Hand an answer to whoever has asked; one that came too late goes nowhere."""
        if (answers := self._answers.get(ticket)) is not None:
            answers.put(answer)

    def _over(self, run: str) -> None:
        with self._lock:
            directory = self._kept.pop(run, None)
            if run in self._working:
                self._stop(run)
        if directory is not None:
            remove_tree(directory)

    def _stop(self, run: str) -> None:
        self._unwanted.add(run)
        if (process := self._working[run]) is not None:
            process.terminate()


def site_of(worker: Any) -> Site | None:
    """Return the site of a worker, ``None`` when it is none of ours."""
    found = worker.plugins.get(NAME)
    return found if isinstance(found, Site) else None


def here() -> tuple[Any, Site]:
    """Return the worker that runs this task, and its site.

    :raise HibtestError: When the worker is none of ours.
    """
    worker = get_worker()
    site = site_of(worker)
    if site is None:
        raise HibtestError(f"{worker.address} is no worker of ours", hint="hibtest cluster worker")
    return worker, site
