"""The two kinds of processes of a cluster: its scheduler, and workers, which have seats."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from distributed import Scheduler, Worker
from distributed.utils import LoopRunner

from hibtest.bench.able import available
from hibtest.cluster import dask
from hibtest.cluster.site import Site
from hibtest.errors import HibtestError, HostError
from hibtest.store import Store, cache_dir

SEAT, MEMORY = "seat", "MiB"  # resources
_SPARE = 2  # threads for what takes no seat: a build of guest disks, and its like
_REACH = 30  # s, for a scheduler to answer

Say = Callable[[str], None]


def schedule(listen: str, say: Say) -> None:
    """Be the scheduler of a cluster until it is closed.

    :param listen: ``tcp://HOST:PORT``; port 0 is a free one.
    :param say: Is told its address, and what is to be known of it.
    :raise HostError: When it cannot listen there.
    """
    dask.quiet()
    scheme, _, where = dask.address(listen).partition("://")
    host, _, port = where.rpartition(":")

    async def start() -> Any:
        return await Scheduler(
            host=host, port=int(port), protocol=scheme, security=dask.security(listen),
            dashboard=False, dashboard_address=dask.PAGES,
        )  # fmt: skip

    with _running(start, f"cannot listen at {listen}") as (runner, scheduler):
        say(f"scheduler at {scheduler.address}")
        if scheme != "tls" and not dask.is_loopback(scheduler.address):
            say("whoever reaches it can run programs as this user: docs/cluster.md has TLS")
        runner.run_sync(scheduler.finished)


def serve(scheduler: str, seats: int, host: str, listen: str, say: Say) -> None:
    """Be a worker of a cluster until it is closed.

    :param seats: How many runs side by side.
    :param host: What this host is called.
    :param listen: The address at which others reach this worker; empty: it is found.
    :param say: Is told its address.
    :raise HostError: When the scheduler does not answer, or is gone.
    """
    dask.quiet()
    where = listen or dask.towards(dask.address(scheduler))
    store = Store(cache_dir() / "cluster")
    store.sweep()
    with store.scratch("runs") as directory:
        site = Site(directory / "runs", host)

        async def start() -> Any:
            return await Worker(
                scheduler, host=where, nthreads=seats + _SPARE, memory_limit=0, plugins=(site,),
                resources={SEAT: seats, MEMORY: available()}, security=dask.security(scheduler),
                dashboard=False, dashboard_address=dask.PAGES, death_timeout=_REACH,
                local_directory=str(_made(directory / "dask")),
            )  # fmt: skip

        with _running(start, f"no scheduler answers at {scheduler}") as (runner, worker):
            try:
                say(f"worker {host} at {worker.address}, seats: {seats}")
                runner.run_sync(worker.finished)
            finally:
                site.end()
        raise HostError(f"the scheduler at {scheduler} is gone, or has ended this worker")


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


@contextmanager
def _running(start: Callable[[], Any], trouble: str) -> Iterator[tuple[LoopRunner, Any]]:
    runner = LoopRunner()
    runner.start()
    try:
        server = _started(runner, start, trouble)
        try:
            yield runner, server
        finally:
            with suppress(Exception):  # it ends, and so do we
                runner.run_sync(server.close)
    finally:
        runner.stop()


def _started(runner: LoopRunner, start: Callable[[], Any], trouble: str) -> Any:
    try:
        return runner.run_sync(start)
    except HibtestError:
        raise
    except Exception as error:  # of whatever kind Dask has them
        last = str(error.__cause__ or error).splitlines() or [type(error).__name__]
        raise HostError(f"{trouble}: {last[0]}", hint="docs/cluster.md") from error
