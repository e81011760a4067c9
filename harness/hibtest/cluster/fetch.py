"""Guest disks that a worker lacks: from another worker that has them, else from who orders.

Each artifact comes file by file in pieces, and is there when all of it is what its manifest says.
"""

import queue
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from distributed.protocol.pickle import dumps
from distributed.utils import sync

from hibtest import images
from hibtest.cluster import asked
from hibtest.cluster.order import Kernel, Order
from hibtest.cluster.pieces import Item, Piece, receive
from hibtest.cluster.site import Site
from hibtest.errors import HibtestError, HostError
from hibtest.spec import GuestFiles
from hibtest.store import Store, cache_dir

LIMIT = 60.0  # s, for one answer
WANTED = "wanted"  # of an event: something is asked for
Say = Callable[[str], None]


class Source(Protocol):
    """Somebody who may have artifacts."""

    name: str

    def listing(self, key: str) -> tuple[Item, ...]:
        """Return an artifact's files; empty when it is not there."""

    def piece(self, key: str, name: str, offset: int) -> Piece:
        """Return the next data of a file."""


class Peer:
    """Another worker."""

    def __init__(self, worker: Any, address: str) -> None:
        self.name = address
        self._worker = worker

    def listing(self, key: str) -> tuple[Item, ...]:
        """Return an artifact's files; empty when it is not there."""
        return _list(self._ask(asked.listing, key), key, self.name)

    def piece(self, key: str, name: str, offset: int) -> Piece:
        """Return the next data of a file."""
        return _piece(self._ask(asked.part, key, name, offset), f"{name} of {key}", self.name)

    def _ask(self, function: Callable[..., Any], *args: object) -> Any:
        async def send() -> Any:
            there = self._worker.rpc(self.name)
            return await there.run(function=dumps(function), args=dumps(args))

        try:
            reply = sync(self._worker.loop, send, callback_timeout=LIMIT)
        except (OSError, TimeoutError) as error:
            raise HostError(f"{self.name} does not answer: {error}") from error
        return reply.get("result") if reply["status"] == "OK" else None


class Orderer:
    """Whoever has ordered a run: asked by an event, and answers as soon as it can."""

    name = "who ordered the run"

    def __init__(self, worker: Any, site: Site, topic: str) -> None:
        self._worker, self._site, self._topic = worker, site, topic

    def listing(self, key: str) -> tuple[Item, ...]:
        """Return an artifact's files; empty when it is not there."""
        return _list(self._ask(key, "", 0), key, self.name)

    def piece(self, key: str, name: str, offset: int) -> Piece:
        """Return the next data of a file."""
        return _piece(self._ask(key, name, offset), f"{name} of {key}", self.name)

    def _ask(self, key: str, name: str, offset: int) -> Any:
        ticket = secrets.token_hex(8)
        question = {"what": WANTED, "ticket": ticket, "key": key, "name": name, "offset": offset}
        with self._site.asking(ticket) as answers:
            self._worker.log_event(self._topic, question)
            try:
                return answers.get(timeout=LIMIT)
            except queue.Empty as error:
                raise HostError(f"{self.name} did not answer within {LIMIT:.0f} s") from error


def _list(answer: object, key: str, name: str) -> tuple[Item, ...]:
    if not isinstance(answer, tuple):
        raise HostError(f"{name} could not tell what is in {key}")
    return answer


def _piece(answer: object, what: str, name: str) -> Piece:
    if not isinstance(answer, Piece):
        raise HostError(f"{name} could not give {what}")
    return answer


def obtain(order: Order, worker: Any, site: Site, say: Say) -> tuple[GuestFiles, ...]:
    """Return the guest files of an order's kernels; what is missing is fetched.

    :param say: Is told what is fetched, in a line each.
    :raise HostError: When nobody can give something.
    """
    return tuple(_files(one, order, worker, site, say) for one in order.kernels)


def _files(kernel: Kernel, order: Order, worker: Any, site: Site, say: Say) -> GuestFiles:
    store = Store(cache_dir())
    for key in kernel.parts.keys:
        if store.find(key) is None:
            site.check(order.run)
            fetch(key, store, _sources(key, order, worker, site), say)
    return images.files_of(kernel.name, kernel.parts, kernel.lacks)


def _sources(key: str, order: Order, worker: Any, site: Site) -> Iterator[Source]:
    async def ask_all() -> Any:
        message = {"op": "run", "function": dumps(asked.has), "args": dumps((key,))}
        return await worker.scheduler.broadcast(msg=message, on_error="ignore")

    for address, reply in sync(worker.loop, ask_all, callback_timeout=LIMIT).items():
        if address != worker.address and reply.get("result") is True:
            yield Peer(worker, address)
    yield Orderer(worker, site, order.topic)


def fetch(key: str, store: Store, sources: Iterator[Source], say: Say) -> None:
    """Take an artifact from the first that can give it whole.

    :raise HostError: When nobody can.
    """
    trouble: HibtestError = HostError(f"nobody has {key}", hint="hibtest images build")
    for source in sources:
        try:
            files = source.listing(key)
            if not files:
                continue
            say(f"fetches {key}, {sum(one.bytes for one in files) >> 20} MiB, from {source.name}")
            store.take(key, partial(_fill, key, source, files))
        except HostError as error:
            trouble = error
        else:
            return
    raise trouble


def _fill(key: str, source: Source, files: tuple[Item, ...], new: Path) -> None:
    for item in files:
        receive(item, new, partial(source.piece, key, item.name))
