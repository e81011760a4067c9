"""What the agent's writing costs: beside dd in the same guest, and with each codec.

    python -m benchmarks.agent [--rounds 3] [--kernel trixie]

One guest; in turns, the agent saves to a disk of its own, uncompressed (and is made to fail at
its commit), and dd reads the same image from /dev/snapshot, a page at a time as it must, and
writes it to the same disk. What counts is the ratio. Then each codec, once per round.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import NamedTuple

from hibtest import images
from hibtest.bench.prepare import bench
from hibtest.cycle import agent
from hibtest.cycle.agent import PATH
from hibtest.cycle.guest import Guest, kept
from hibtest.cycle.lab import Lab
from hibtest.spec import IMAGE_DEVICE, AgentMethod, GuestSpec, Scenario, Stage, Target

_CODECS = ("none", "zlib", "lz4", "zstd")
_DD = Path(__file__).with_name("dd_snapshot.py")


def main() -> int:
    """Measure and print a line per pair, the median of the ratios, and a table of codecs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kernel", default="trixie")
    options = parser.parse_args()
    images.build([options.kernel])
    with tempfile.TemporaryDirectory(prefix="hibtest-bench-") as directory:
        job = bench(Path(directory), "auto", proof=False).job(_scenario(options.kernel))
        with kept(Lab.of(job)) as guest:
            agent.ship(guest.shell, guest.run.deadline(Stage.PREPARE, "the agent"))
            _beside_dd(guest, options.rounds)
            _codecs(guest, options.rounds)
    return 0


def _scenario(kernel: str) -> Scenario:
    method = AgentMethod(target=Target.RAW)
    return Scenario(name="bench-agent", guest=GuestSpec(kernel=kernel), method=method)


def _beside_dd(guest: Guest, rounds: int) -> None:
    ratios, bare = [], []
    for number in range(rounds):
        ours = _save(guest, "none")
        dd, pages = _dd(guest)
        ratios.append(ours.seconds / ours.pages / (dd / pages))
        bare.append((ours.seconds - ours.digest) / ours.pages / (dd / pages))
        print(
            f"round {number + 1}: agent {ours.seconds:.2f} s ({ours.digest:.2f} s of them the "
            f"checksum) for {ours.pages} pages, dd {dd:.2f} s for {pages}: ratio "
            f"{ratios[-1]:.2f}, {bare[-1]:.2f} without the checksum",
            flush=True,
        )
    print(
        f"writing, none: median ratio to dd {statistics.median(ratios):.2f}, "
        f"{statistics.median(bare):.2f} without the checksum"
    )


def _codecs(guest: Guest, rounds: int) -> None:
    print(f"{'codec':6} {'ratio':>6} {'MB/s':>6}  (medians of {rounds})")
    for codec in _CODECS:
        found = [_save(guest, codec) for _ in range(rounds)]
        ratio = statistics.median(one.ratio for one in found)
        speed = statistics.median(one.pages * 4096 / 1e6 / one.seconds for one in found)
        print(f"{codec:6} {ratio:6.3f} {speed:6.1f}", flush=True)


class _Writing(NamedTuple):
    """What the agent said of its writing; ``digest``: seconds of it for checksums."""

    seconds: float
    digest: float
    pages: int
    ratio: float


def _save(guest: Guest, codec: str) -> _Writing:
    """Have the agent save, and fail when all is written."""
    target = f"save --target raw:{IMAGE_DEVICE} --compress {codec} --fail-at commit"
    log = "dmesg | grep -o 'agent: .*' | grep 'step.*write' | tail -1"
    deadline = guest.run.deadline(Stage.WRITE, "a save", times=4)
    done = guest.shell.run(f"python3 -IB {PATH} {target} >/dev/null; {log}", deadline)
    facts = json.loads(done.stdout.partition(" ")[2])
    return _Writing(facts["seconds"], facts["digest_s"], facts["pages"], facts["ratio"])


def _dd(guest: Guest) -> tuple[float, int]:
    """Have dd write what /dev/snapshot gives; return its seconds and pages."""
    deadline = guest.run.deadline(Stage.WRITE, "dd", times=4)
    command = f"cat >/run/dd.py && python3 -IB /run/dd.py {PATH} {IMAGE_DEVICE}"
    answer = json.loads(guest.shell.run(command, deadline, stdin=_DD.read_bytes()).stdout)
    return answer["seconds"], answer["pages"]


if __name__ == "__main__":
    raise SystemExit(main())
