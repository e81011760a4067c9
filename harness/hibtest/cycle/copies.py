"""A run's disks, copied: what is done with the copies leaves the run as it is."""

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
