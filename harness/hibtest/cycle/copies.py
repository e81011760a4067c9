"""A run's disks, copied: to be booted beside it, or to be put back later."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hibtest.cycle.storage.left import COPIES, disks_in
from hibtest.cycle.storage.targets import KEYS
from hibtest.job import Job
from hibtest.machine.disk import copy
from hibtest.spec.fault import Fault

_KEPT = f"{COPIES}kept"


@contextmanager
def copied(job: Job, faults: tuple[Fault, ...] = ()) -> Iterator[Job]:
    """Copy a run's disks; yield its job with them. The copies are gone on leaving.

    :param faults: Those that still go wrong.
    :raise HostError: When they cannot be copied.
    """
    with tempfile.TemporaryDirectory(prefix=COPIES, dir=job.directory) as place:
        for path in disks_in(job.directory):
            copy(path, Path(place) / path.name)
        if (job.directory / KEYS).exists():
            shutil.copytree(job.directory / KEYS, Path(place) / KEYS)
        scenario = replace(job.scenario, faults=faults)
        yield replace(job, scenario=scenario, directory=Path(place), proof=False, templates=None)


def keep(directory: Path) -> None:
    """Copy the disks of a run as they are now, for :func:`put_back`.

    :param directory: The run's.
    :raise HostError: When they cannot be copied.
    """
    kept = directory / _KEPT
    kept.mkdir()
    for path in disks_in(directory):
        copy(path, kept / path.name)


def put_back(directory: Path, alone: Path | None = None) -> None:
    """Put disks of a run back as they were when they were kept.

    :param alone: Only this one.
    """
    for path in disks_in(directory / _KEPT):
        disk = directory / path.name
        if alone in {None, disk}:
            path.rename(disk)
    shutil.rmtree(directory / _KEPT)
