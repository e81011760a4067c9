"""The workers of a cluster as who orders knows them: asked, heard, and lent guest disks."""

import queue
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from distributed import Client, Future

from hibtest.cluster import asked, dask
from hibtest.cluster.fetch import WANTED
from hibtest.cluster.node import SEAT
from hibtest.cluster.order import who_we_are
from hibtest.deadline import Deadline, DeadlineExpired, poll
from hibtest.errors import HostError, SpecError

_REACH = 15.0  # s, for a scheduler to answer
_END = 60.0  # s, for runs that are under way to end
# What Dask raises of a scheduler or a worker that is gone, as far as it has noticed.
_GONE = (OSError, TimeoutError, RuntimeError, AttributeError, ValueError)
Heard = Callable[[dict[str, Any]], None]


class Cluster:
    """Workers that are there now, or come later.

    :ivar topic: Where events go for us; the beginning of all names of runs.
    """

    def __init__(self, client: Client, where: str) -> None:
        self.where = where
        self.topic = f"hibtest-{secrets.token_hex(4)}"
        self._client = client
        self._heard: Heard = lambda _: None
        self._questions: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        client.subscribe_topic(self.topic, self._take)

    def members(self) -> dict[str, dict[str, float]]:
        """Return the resources of each worker that has seats, by its address.

        :raise HostError: When the scheduler is gone.
        """
        try:
            scheduler: Any = self._client.scheduler
            found = self._client.sync(scheduler.identity, n_workers=-1)
        except _GONE as error:
            raise self._lost() from error
        workers = found["workers"].items()
        return {at: one["resources"] for at, one in workers if one["resources"].get(SEAT)}

    def seats(self) -> int:
        """Return how many runs fit side by side."""
        return int(sum(one[SEAT] for one in self.members().values()))

    def ask(
        self, function: Callable[..., Any], *args: object, of: Iterable[str] | None = None
    ) -> dict[str, Any]:
        """Ask workers something at once; return their answers by their addresses.

        Whoever cannot answer has none.

        :param of: Which are asked; all if not given.
        """
        workers = None if of is None else list(of)
        try:
            found = self._client.run(function, *args, workers=workers, on_error="return")
        except _GONE:  # also of a worker that the scheduler yet takes to be there
            return {}
        return {at: one for at, one in found.items() if not isinstance(one, BaseException)}

    def submit(
        self, function: Callable[..., Any], *args: object, key: str, takes: dict[str, float],
        of: Iterable[str] | None = None,
    ) -> Future[Any]:  # fmt: skip
        """Have a worker do something that takes resources; return what will come of it.

        :param of: Which may do it; any if not given.
        :raise HostError: When the scheduler is gone.
        """
        workers = None if of is None else list(of)
        try:
            return self._client.submit(
                function, *args, key=key, resources=takes, pure=False, workers=workers
            )
        except _GONE as error:
            raise self._lost() from error

    def _lost(self) -> HostError:
        return HostError(f"the scheduler at {self.where} is gone", hint="its workers have ended")

    def hear(self, heard: Heard) -> None:
        """Have what workers tell go to somebody; called in a thread of Dask's."""
        self._heard = heard

    def require_same(self) -> None:
        """Check that all workers are the hibtest that we are.

        :raise HostError: When there is no worker.
        :raise SpecError: When one is another.
        """
        members, ours = self.members(), who_we_are()
        if not members:
            hint = f"hibtest cluster worker {self.where}"
            raise HostError(f"the cluster at {self.where} has no workers of hibtest", hint=hint)
        found = self.ask(asked.who, of=members)
        for at in members:
            if found.get(at) != ours:
                theirs = found.get(at) or "none that we know"
                message = f"the worker {at} has hibtest {theirs}, and this is {ours}"
                raise SpecError(message, hint="install the same on all hosts")

    def wait_until_idle(self) -> None:
        """Wait until nothing that we ordered is under way.

        :raise HostError: When something still is, after a minute.
        """
        deadline = Deadline.after(_END, "the end of all runs")
        try:
            poll(lambda: None if self._busy() else True, deadline, every=0.2)
        except DeadlineExpired as error:
            raise HostError(f"{self._busy()} runs are still under way at {self.where}") from error

    def _busy(self) -> int:
        return sum(self.ask(asked.busy, self.topic).values())

    def _take(self, event: tuple[float, Any]) -> None:
        _, message = event
        if not isinstance(message, dict):
            return
        if message.get("what") == WANTED:
            self._questions.put(message)
        else:
            self._heard(message)

    @contextmanager
    def lending(self) -> Iterator[None]:
        """Give workers what they ask for of this host's guest disks, until left."""
        thread = threading.Thread(target=self._lend, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._questions.put(None)
            thread.join()

    def _lend(self) -> None:
        while (question := self._questions.get()) is not None:
            key, name = str(question["key"]), str(question["name"])
            found: object = asked.listing(key)
            if name:
                found = asked.part(key, name, int(question["offset"]))
            self.ask(asked.answer, str(question["ticket"]), found, of=[question["worker"]])


@contextmanager
def joined(where: str) -> Iterator[Cluster]:
    """Be with the workers of a scheduler until left.

    :param where: Its address.
    :raise HostError: When it does not answer.
    """
    dask.quiet()
    try:
        client = Client(dask.address(where), timeout=_REACH, security=dask.security(where))
    except _GONE as error:
        hint = f"hibtest cluster scheduler --listen {where}, or see docs/cluster.md"
        raise HostError(f"no scheduler answers at {where}", hint=hint) from error
    try:
        yield Cluster(client, where)
    finally:
        with suppress(*_GONE):  # the scheduler may be gone
            client.close()
