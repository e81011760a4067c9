"""What a worker is asked by others, and answers in its event loop, at once: small questions.

Dask hands the worker over as ``dask_worker``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed.utils import offload

from hibtest.bench.able import unable
from hibtest.bench.chosen import why_not
from hibtest.bench.prepare import bench
from hibtest.cluster import stock
from hibtest.cluster.order import Kernel, who_we_are
from hibtest.cluster.pieces import Item, Piece, piece
from hibtest.cluster.site import site_of
from hibtest.errors import HibtestError
from hibtest.spec import Scenario

_NOWHERE = Path()  # nothing is made


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a host says of itself.

    :ivar host: Its name.
    :ivar runs_on: What guests run on there, in words; empty when they cannot.
    :ivar why: Of each scenario that cannot be run there: why.
    :ivar kernels: Whose guest disks are built there.
    """

    host: str
    runs_on: str
    why: dict[str, str]
    kernels: dict[str, Kernel]


def who(dask_worker: Any) -> str:
    """Return which hibtest a worker is; empty when it is none of ours."""
    return who_we_are() if site_of(dask_worker) else ""


async def look(scenarios: Sequence[Scenario], accel: str, dask_worker: Any) -> Looked:
    """Look at the worker's host, as runs of some scenarios would find it."""
    site = site_of(dask_worker)
    found: Looked = await offload(_look, scenarios, accel, site.host if site else "")
    return found


def _look(scenarios: Sequence[Scenario], accel: str, host: str) -> Looked:
    kernels = stock.kernels(sorted({name for one in scenarios for name in one.kernels}))
    try:
        there = bench(_NOWHERE, accel)
    except HibtestError as error:
        why = {one.name: f"{host}: {error}" for one in scenarios}
        return Looked(host=host, runs_on="", why=why, kernels=kernels)
    reasons = {one.name: unable(there, one) or why_not(one, None, there.host) for one in scenarios}
    why = {name: f"{host}: {reason}" for name, reason in reasons.items() if reason}
    runs_on = f"QEMU {there.host.qemu}, {there.host.accel}"
    return Looked(host=host, runs_on=runs_on, why=why, kernels=kernels)


def has(key: str) -> bool:
    """Return whether a worker has an artifact."""
    return stock.has(key)


def listing(key: str) -> tuple[Item, ...] | None:
    """Return the files of a worker's artifact; empty: it has none of that key; else trouble."""
    try:
        return stock.listing(key)
    except (HibtestError, OSError):
        return None


def part(key: str, name: str, offset: int) -> Piece | None:
    """Return some of a file of a worker's artifact, ``None`` when it cannot be had."""
    try:
        return stock.part(key, name, offset)
    except (HibtestError, OSError):
        return None


def of_run(run: str, name: str, offset: int, dask_worker: Any) -> Piece | None:
    """Return some of a file of a run that is done, ``None`` when it cannot be had."""
    site = site_of(dask_worker)
    directory = site.kept(run) if site else None
    try:
        return piece(directory / name, offset) if directory else None
    except OSError:
        return None


def busy(topic: str, dask_worker: Any) -> int:
    """Return how many runs of one who orders are under way."""
    site = site_of(dask_worker)
    return site.busy(topic) if site else 0


def answer(ticket: str, what: object, dask_worker: Any) -> None:
    """Hand the worker what it has asked for."""
    if (site := site_of(dask_worker)) is not None:
        site.answered(ticket, what)
