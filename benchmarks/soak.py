"""Whether anything is left over by many cycles: processes, threads, files, sockets, memory.

    python -m benchmarks.soak [--cycles 200] [--lives 10] [--kernel trixie]

All runs are made by one process, as a worker of `hibtest run` makes one. A cycle is a hibernation
and its resume; a run has so many of them in one life (--lives). What this process and the
temporary directory hold is counted after each run. The first run counts as warming up: what is
there after it must be there after the last, and no more. Memory may differ by what an allocator
keeps; it is called flat when the last quarter's peak is less than 32 MiB above the first's.
"""

import argparse
import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil

from hibtest import images
from hibtest.bench.catalogue import scenarios
from hibtest.bench.finish import finish
from hibtest.bench.prepare import Bench, bench
from hibtest.cycle.storage.left import disks_in
from hibtest.runner import run
from hibtest.spec import Scenario

_FLAT_MIB = 32


@dataclass(frozen=True, slots=True)
class Held:
    """What is held after a run.

    :ivar children: Processes below this one.
    :ivar files: Descriptors, sockets included.
    :ivar disks: Files of guest disks below the runs directory.
    :ivar temporary: Entries of the temporary directory.
    :ivar mib: Resident memory.
    """

    children: int
    threads: int
    files: int
    sockets: int
    disks: int
    temporary: int
    mib: float


def main() -> int:
    """Soak; print a line per run, and at the end what grew. Exit status 1 when anything did."""
    words = _words()
    images.build([words.kernel])
    name = f"baseline-{words.kernel}-platform-2cpu"
    scenario = next(one for one in scenarios() if one.name == name)
    with _temporary() as directory:
        here = bench(directory / "runs", "auto")
        seen = list(_soak(here, replace(scenario, lives=words.lives), words.cycles))
    grew = _grew(seen)
    cycles = len(seen) * words.lives
    print(f"{cycles} cycles in {len(seen)} runs: {'; '.join(grew) or 'nothing is left over'}")
    return 1 if grew else 0


@contextmanager
def _temporary() -> Iterator[Path]:
    """Yield a directory that is the temporary one for us and all that we start."""
    with tempfile.TemporaryDirectory(prefix="hibtest-soak-") as directory:
        own = Path(directory) / "tmp"
        own.mkdir()
        tempfile.tempdir = os.environ["TMPDIR"] = os.fspath(own)
        yield Path(directory)


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--lives", type=int, default=10, help="cycles of one run")
    parser.add_argument("--kernel", default="trixie")
    return parser.parse_args()


def _soak(here: Bench, scenario: Scenario, cycles: int) -> Iterator[Held]:
    for number in range(1, -(-cycles // scenario.lives) + 1):
        job = here.job(scenario)
        run(job, lambda _: None)
        verdict = finish(job, keep=False).verdict
        held = _held(here.runs)
        facts = ", ".join(f"{what} {value}" for what, value in asdict(held).items())
        print(f"run {number}: {verdict.outcome}; {facts}", flush=True)
        if not verdict.as_expected:
            raise SystemExit(f"run {number}: {verdict}")
        yield held


def _held(runs: Path) -> Held:
    gc.collect()
    process = psutil.Process()
    return Held(
        children=len(process.children(recursive=True)),
        threads=process.num_threads(),
        files=process.num_fds(),
        sockets=len(process.net_connections("all")),
        disks=sum(len(disks_in(run)) for run in runs.glob("[!.]*/[0-9]*")),
        temporary=len(list(Path(tempfile.gettempdir()).iterdir())),
        mib=round(process.memory_info().rss / 2**20, 1),
    )


def _grew(seen: list[Held]) -> list[str]:
    first, last = asdict(seen[0]), asdict(seen[-1])
    grew = [
        f"{what}: {first[what]} after the first run, {last[what]} after the last"
        for what in first
        if what != "mib" and last[what] > first[what]
    ]
    quarter = -(-len(seen) // 4)
    early = max(held.mib for held in seen[:quarter])
    late = max(held.mib for held in seen[-quarter:])
    if late - early >= _FLAT_MIB:
        grew.append(f"memory: {early} MiB in the first quarter, {late} MiB in the last")
    return grew


if __name__ == "__main__":
    sys.exit(main())
