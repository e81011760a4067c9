"""One run that was ordered of a cluster: waited for, taken piece by piece, ended."""

import threading
from collections.abc import Mapping
from concurrent.futures import CancelledError

from distributed import Future
from distributed.scheduler import KilledWorker

from hibtest.bench.able import memory_of
from hibtest.cluster import asked
from hibtest.cluster.joined import Cluster
from hibtest.cluster.node import MEMORY, SEAT
from hibtest.cluster.order import Done, Order
from hibtest.cluster.pieces import Piece
from hibtest.cluster.work import work
from hibtest.deadline import Deadline
from hibtest.errors import HibtestError, HostError

_LOOK_AGAIN = 1.0  # s
_DESERTED = 60.0  # s, for a worker to come when there is none that could do a run
_UNWANTED = "Unwanted"  # what a worker says of a run that it gave up, since the worker ends


class Lost(HibtestError):
    """The worker that had a run is gone, and the run with it."""


class WorkerDied(HibtestError):
    """As many workers as there may be have died of a run."""


class Ordered:
    """A run that is ordered; leaving the context ends it, wherever it is.

    :param able: The workers that can do it; ``None``: all.
    :param stopped: Set when nothing is wanted any more.
    """

    def __init__(
        self,
        cluster: Cluster,
        order: Order,
        able: tuple[str, ...] | None,
        stopped: threading.Event,
    ) -> None:
        self._cluster, self._order, self._able, self._stopped = cluster, order, able, stopped
        self._takes = {SEAT: 1.0, MEMORY: float(memory_of(order.scenario))}
        self._future: Future[Done] | None = None
        self._worker = ""

    def __enter__(self) -> "Ordered":
        return self

    def __exit__(self, *_: object) -> None:
        if self._future is not None:
            self._future.release()

    def wait(self) -> Done | None:
        """Order the run and wait for it; ``None`` when all is stopped.

        :raise Lost: When its worker ended before it did.
        :raise WorkerDied: When Dask had it made again, and gave it up.
        :raise HostError: When there is no worker that could do it, or no scheduler any more.
        """
        run, over = self._order.run, threading.Event()
        future = self._cluster.submit(work, self._order, key=run, takes=self._takes, of=self._able)
        self._future = future
        future.add_done_callback(lambda _: over.set())
        somebody = self._hope()
        while not over.wait(_LOOK_AGAIN):
            if self._stopped.is_set():
                return None
            if self._could():
                somebody = self._hope()
            elif somebody.expired:
                message = f"no worker at {self._cluster.where} could run it for {_DESERTED:.0f} s"
                raise HostError(message, hint=f"hibtest cluster worker {self._cluster.where}")
        return self._result(future)

    def _hope(self) -> Deadline:
        return Deadline.after(_DESERTED, "a worker that can run it")

    def _could(self) -> bool:
        """Return whether a worker is there that can do the run, now or when others are done."""
        members: Mapping[str, Mapping[str, float]] = self._cluster.members()
        takes = self._takes.items()
        return any(
            all(has.get(what, 0) >= much for what, much in takes)
            for at, has in members.items()
            if self._able is None or at in self._able
        )

    def _result(self, future: Future[Done]) -> Done:
        try:
            done = future.result()
        except KilledWorker as error:
            hint = "see the worker's output on its host"
            raise WorkerDied("the workers that were to run it died", hint=hint) from error
        except CancelledError as error:
            raise HostError(f"the scheduler at {self._cluster.where} dropped the run") from error
        if not isinstance(done, Done):
            raise HostError(f"a worker answered with {type(done).__name__}")
        if done.trouble and done.trouble.kind == _UNWANTED:
            raise Lost(f"the worker on {done.host} has ended")
        self._worker = done.worker
        return done

    def piece(self, name: str, offset: int) -> Piece:
        """Return the next data of a file of the run that is done.

        :raise Lost: When its worker is gone, or nothing is wanted any more.
        """
        if self._stopped.is_set():
            raise Lost("stopped")
        answers = self._cluster.ask(asked.of_run, self._order.run, name, offset, of=[self._worker])
        found = answers.get(self._worker)
        if not isinstance(found, Piece):
            raise Lost(f"the worker {self._worker} is gone, and {name} with it")
        return found
