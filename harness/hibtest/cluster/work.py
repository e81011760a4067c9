"""A task of a cluster: makes one run here, and keeps its directory for whoever ordered it."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hibtest import images
from hibtest.bench.able import unable
from hibtest.bench.finish import look_at_files
from hibtest.bench.prepare import bench
from hibtest.bench.work import note_end, started
from hibtest.cluster.fetch import obtain
from hibtest.cluster.order import Done, Kernel, Order, who_we_are
from hibtest.cluster.pieces import items
from hibtest.cluster.site import Site, here
from hibtest.cluster.stock import as_kernel
from hibtest.cycle.storage.left import drop_disks
from hibtest.errors import HibtestError, HostError, SpecError
from hibtest.events import ConsoleLine, Note, from_line, to_line
from hibtest.evidence import Evidence, Trouble, read_json
from hibtest.files import as_host_error
from hibtest.job import EVIDENCE, Job
from hibtest.store import remove_tree
from hibtest.verdict import judge

STARTS, EVENT = "starts", "event"  # of events


def work(order: Order) -> Done:
    """Make a run, and return what there is of it; what cannot be done is its trouble."""
    worker, site = here()
    done = Done(worker=worker.address, host=site.host)
    try:
        with site.at_work(order.run):
            return _made(order, worker, site, done)
    except OSError as error:
        trouble: HibtestError = as_host_error(error)
    except HibtestError as error:
        trouble = error
    told = Trouble(kind=trouble.kind, message=trouble.message, hint=trouble.hint or "")
    return replace(done, trouble=told)


def build(name: str) -> Kernel:
    """Build a kernel's guest disks here.

    :raise HibtestError: When that fails.
    """
    images.build([name])
    return as_kernel(images.guest_files(name))


def _made(order: Order, worker: Any, site: Site, done: Done) -> Done:
    if order.who != who_we_are():
        message = f"{site.host} has hibtest {who_we_are()}, and the run was ordered by {order.who}"
        raise SpecError(message, hint="install the same on all hosts")
    tell = _teller(order, worker)
    tell({"what": STARTS, "host": site.host})
    began = time.monotonic()

    def say(text: str) -> None:
        tell(_told(Note(t=round(time.monotonic() - began, 3), text=text)))

    booted = obtain(order, worker, site, say)
    there = bench(
        site.runs, order.accel, proof=order.proof, retry=order.retry, warm=order.warm,
        pinned=booted,
    )  # fmt: skip
    if why := unable(there, order.scenario):
        raise HostError(f"{site.host} cannot run {order.scenario.name}: {why}")
    job = there.job(order.scenario, order.tries, order.own)
    try:
        _worked(job, order, site, tell)
        _tidied(job, keep=order.keep)
        files = items(job.directory)
        site.keep(order.run, job.directory)
    except BaseException:
        remove_tree(job.directory)
        raise
    return replace(done, files=files, root=images.root_sha256(job.files))


def _tidied(job: Job, *, keep: bool) -> None:
    """Leave what a run of this host alone would leave: the verdict is argued elsewhere."""
    look_at_files(job)
    verdict = judge(job.scenario, read_json(job.directory / EVIDENCE, Evidence))
    if verdict.as_expected and not keep:
        drop_disks(job.directory)


def _worked(job: Job, order: Order, site: Site, tell: Callable[[dict[str, Any]], None]) -> None:
    site.check(order.run)
    with started(job.directory) as process:
        site.by(order.run, process)
        for line in process.stdout or ():
            event = from_line(line)
            if order.console or not isinstance(event, ConsoleLine):
                tell(_told(event))
        status = process.wait()
    site.check(order.run)
    note_end(job, status)


def _told(event: Any) -> dict[str, Any]:
    return {"what": EVENT, "line": to_line(event)}


def _teller(order: Order, worker: Any) -> Callable[[dict[str, Any]], None]:
    return lambda message: worker.log_event(order.topic, {"run": order.run, **message})
