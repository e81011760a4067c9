"""What the proof costs: comparing beside memcmp, whole cycles with and without, host memory.

    python -m benchmarks.proof [--pairs 3] [--kernel trixie] [--memory 2048]

What is set against each other takes turns in one run; what counts are the ratios.
"""

import argparse
import ctypes
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import psutil
from numpy.typing import NDArray

from hibtest import images
from hibtest.bench.catalogue import scenarios
from hibtest.bench.prepare import bench
from hibtest.cycle.faults import strike
from hibtest.deadline import Deadline, poll
from hibtest.image.compare import differing
from hibtest.image.header import PAGE_SIZE
from hibtest.image.reader import open_image
from hibtest.machine.shape import Disk
from hibtest.runner import run
from hibtest.spec import AtRest, Fault, Flip

_CHUNK = 512  # pages, as the reader of images hands them out
_ROUNDS = 7
_LIMIT = 900.0  # s for a cycle


def main() -> int:
    """Measure and print one line per figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--kernel", default="trixie")
    parser.add_argument("--memory", type=int, default=2048, help="MiB of the guest measured last")
    options = parser.parse_args()
    images.build([options.kernel])
    name = f"baseline-{options.kernel}-platform-2cpu"
    with tempfile.TemporaryDirectory(prefix="hibtest-bench-") as directory:
        runs = Path(directory)
        _compare(_pfns(name, runs))
        _cycles(name, runs, options.pairs)
        _memory(name, runs, options.memory)
    return 0


def _pfns(name: str, runs: Path) -> NDArray[np.int64]:
    """Return the PFNs of a real image: how they lie decides how they can be compared."""
    found: list[NDArray[np.int64]] = []

    def look(disk: Disk, _: Flip) -> None:
        with open_image(disk.path) as image:
            found.append(image.pfns.copy())

    at_rest = Fault(when=AtRest(), what=Flip(serial="swap", byte=0))
    scenario = replace(next(one for one in scenarios() if one.name == name), faults=(at_rest,))
    with patch.object(strike, "flip", look):
        run(bench(runs, "auto").job(scenario), lambda _: None)
    return found[0]


def _compare(pfns: NDArray[np.int64]) -> None:
    generator = np.random.default_rng(1)
    memory = generator.integers(0, 256, (int(np.max(pfns)) + 1, PAGE_SIZE), dtype=np.uint8)
    data = memory[pfns]
    other = data.copy()
    libc = ctypes.CDLL(None)

    def plain() -> int:
        there, here = ctypes.c_void_p(other.ctypes.data), ctypes.c_void_p(data.ctypes.data)
        return int(libc.memcmp(there, here, ctypes.c_size_t(data.nbytes)))

    def ours() -> int:
        parts = (slice(first, first + _CHUNK) for first in range(0, len(pfns), _CHUNK))
        return sum(len(differing(memory, pfns[part], data[part])) for part in parts)

    pairs = [(_seconds(plain), _seconds(ours)) for _ in range(_ROUNDS)]
    ratio = statistics.median(plain / ours for plain, ours in pairs)
    speed = data.nbytes / min(ours for _, ours in pairs) / 1e9
    runs_ = 1 + int((np.diff(pfns) != 1).sum())
    print(
        f"compare: {len(pfns)} pages in {runs_} runs at {speed:.1f} GB/s, "
        f"{ratio:.2f} of memcmp's speed on the same bytes (median of {_ROUNDS} pairs)",
        flush=True,
    )


def _seconds(work: Callable[[], int]) -> float:
    """Return how long a comparison of the same takes."""
    began = time.perf_counter()
    wrong = work()
    seconds = time.perf_counter() - began
    if wrong:
        raise SystemExit("the same bytes were found to differ")
    return seconds


def _command(name: str, runs: Path, *words: str) -> list[str]:
    run_ = [sys.executable, "-m", "hibtest", "run", "-j", "1", "-k", name]
    return [*run_, "--runs", os.fspath(runs), *words]


def _cycles(name: str, runs: Path, pairs: int) -> None:
    ratios = []
    for pair in range(pairs):
        seconds = []
        for word in ("--proof", "--no-proof"):
            began = time.monotonic()
            command = _command(name, runs, word)
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.monotonic() - began)
        ratios.append(seconds[0] / seconds[1])
        print(
            f"pair {pair + 1}: with the proof {seconds[0]:.1f} s, without {seconds[1]:.1f} s, "
            f"ratio {ratios[-1]:.2f}",
            flush=True,
        )
    print(f"{name}: median ratio {statistics.median(ratios):.2f} of {pairs} pairs", flush=True)


def _memory(name: str, runs: Path, mib: int) -> None:
    """Print the most memory that hibtest had for itself, the guest's RAM not counted."""
    most = 0
    command = _command(name, runs, "--memory", str(mib))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as front:

        def ended() -> bool | None:
            nonlocal most
            most = max(most, _own_kib(front.pid))
            return True if front.poll() is not None else None

        poll(ended, Deadline.after(_LIMIT, "the end of the cycle"))
        if front.returncode:
            raise SystemExit(f"hibtest run --memory {mib} ended with status {front.returncode}")
    print(f"memory: {most >> 10} MiB at most beside the {mib} MiB of the guest", flush=True)


def _own_kib(pid: int) -> int:
    """Return the resident memory of all our Python processes, shared files not counted."""
    total = 0
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        for one in family:
            if not one.name().startswith("qemu"):
                total += _private_kib(one.pid)
    except (psutil.Error, OSError):  # it ended while we looked
        return 0
    return total


def _private_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return sum(int(fields[name].split()[0]) for name in ("RssAnon", "RssFile") if name in fields)


if __name__ == "__main__":
    sys.exit(main())
