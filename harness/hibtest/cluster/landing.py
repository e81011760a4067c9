"""A run that was made elsewhere, brought into this host's runs: whole, or not there.

Its files are gathered beside the runs; then it takes its place in one step, and what names paths
is written anew.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from hibtest import images
from hibtest.bench import own_files
from hibtest.bench.leftovers import parts_of
from hibtest.bench.rundir import JOB, OWNER, SCENARIO, new_directory, write_rerun
from hibtest.cluster.order import Done
from hibtest.cluster.pieces import Piece, receive
from hibtest.evidence import read_json, to_json
from hibtest.files import whole
from hibtest.job import Job
from hibtest.machine.disk import rebase
from hibtest.store import remove_tree

_ELSEWHERE = Path("/on-another-host")
Ask = Callable[[str, int], Piece]


def land(done: Done, ask: Ask, runs: Path, owner: str, run: str) -> Job:
    """Bring a run here; return its job as one of this host's.

    :param ask: Returns the next data of a file by its name, at an offset or after it.
    :param owner: Of the runs that are made here.
    :param run: Its name among all that are under way.
    :raise HostError: When a file is not what was sent, or as ``ask`` does.
    :raise OSError: When it cannot be written.
    """
    with _gathered(parts_of(runs, owner) / run) as part:
        for item in done.files:
            receive(item, part, partial(ask, item.name))
        whole(part / OWNER, owner.encode())
        job = read_json(part / JOB, Job)
        directory = new_directory(runs, job.scenario.name)
        part.rename(directory)  # over the empty one that has the number
    return _ours(job, directory, done.root)


@contextmanager
def _gathered(part: Path) -> Iterator[Path]:
    part.mkdir(parents=True, mode=0o700)
    try:
        yield part
    except BaseException:
        if part.exists():
            remove_tree(part)
        raise


def _ours(job: Job, directory: Path, root: str) -> Job:
    """Return a job with this host's paths, and write them.

    :param root: SHA-256 of the root disk that its guest had.
    """
    scenario = own_files.kept(job.scenario, directory)
    job = replace(
        job,
        scenario=scenario,
        directory=directory,
        files=images.as_here(job.files),
        others=tuple(map(images.as_here, job.others)),
    )
    whole(directory / SCENARIO, to_json(scenario))
    whole(directory / JOB, to_json(job))
    write_rerun(directory)
    if shutil.which("qemu-img"):
        # a root disk that was built elsewhere has the same key, and other keys of SSH in it
        same = root and root == images.root_sha256(job.files)
        base = job.files.root if same else _ELSEWHERE / job.files.root.parent.name
        for overlay in directory.glob("*.qcow2"):
            rebase(overlay, base)
    return job
