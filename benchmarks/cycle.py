"""What a full cycle costs beside a bare shell script that does the same boots unchecked.

    python -m benchmarks.cycle [--pairs 3] [--kernel trixie]
    python -m benchmarks.cycle --warm          a cycle from templates beside one without, instead
    python -m benchmarks.cycle --together      four cycles two at a time, and one by one, instead

The two take turns in one run; what counts is the ratio, pair by pair. The proof is left out
beside the script: what it costs is benchmarks/proof.py's to say.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hibtest import images
from hibtest.bench.catalogue import scenarios
from hibtest.cycle.lab import Lab
from hibtest.evidence import Evidence, Host, read_json
from hibtest.job import EVIDENCE, Job
from hibtest.machine.accel import choose
from hibtest.machine.argv import argv
from hibtest.machine.version import QEMU
from hibtest.spec import GuestFiles, Role, Scenario
from hibtest.spec.course import first

BARE = Path(__file__).with_name("bare.sh")


def main() -> int:
    """Measure and print a line per pair, then the median of the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--kernel", default="trixie")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--warm", action="store_true", help="compare warm cycles with cold ones")
    other.add_argument("--together", action="store_true", help="compare two at once with one")
    options = parser.parse_args()
    pair_of = _warm_pair if options.warm else _together if options.together else _bare_pair
    name = f"baseline-{options.kernel}-platform-2cpu"
    scenario = next(one for one in scenarios() if one.name == name)
    images.build([options.kernel])
    if options.warm or options.together:
        for _ in range(2):  # the templates are there after two: one is made when it is met again
            _cycle(scenario, "--warm")
    ratios = []
    for pair in range(options.pairs):
        words, ours, theirs = pair_of(scenario)
        ratios.append(ours / theirs)
        said = words.format(ours, theirs)
        print(f"pair {pair + 1}: {said}, ratio {ours / theirs:.2f}", flush=True)
    print(f"{name}: median ratio {statistics.median(ratios):.2f} of {options.pairs} pairs")
    return 0


def _bare_pair(scenario: Scenario) -> tuple[str, float, float]:
    with tempfile.TemporaryDirectory(prefix="hibtest-bench-") as directory:
        ours, bare = _ours(scenario, Path(directory)), _bare(scenario, Path(directory))
    return "hibtest {:.1f} s, bare {:.1f} s", ours, bare


def _warm_pair(scenario: Scenario) -> tuple[str, float, float]:
    cold, warm = _cycle(scenario, "--cold"), _cycle(scenario, "--warm")
    return "warm {:.1f} s, cold {:.1f} s", warm, cold


def _together(scenario: Scenario) -> tuple[str, float, float]:
    alone, together = _four(scenario, "1"), _four(scenario, "2")
    return "one by one {:.1f} s, two at a time {:.1f} s", alone, together


def _four(scenario: Scenario, jobs: str) -> float:
    with tempfile.TemporaryDirectory(prefix="hibtest-bench-") as directory:
        command = [sys.executable, "-m", "hibtest", "run", "-j", jobs, "--times", "4"]
        return _timed([*command, "--lives", "1", "--runs", directory, scenario.name])


def _cycle(scenario: Scenario, how: str) -> float:
    """Return the seconds of a full cycle, as its evidence has them: without waiting for a CPU."""
    with tempfile.TemporaryDirectory(prefix="hibtest-bench-") as directory:
        command = [sys.executable, "-m", "hibtest", "run", how, "-j", "1", scenario.name]
        _timed([*command, "--lives", "1", "--runs", directory])
        [run] = Path(directory).glob(f"{scenario.name}/*/{EVIDENCE}")
        return read_json(run, Evidence).seconds


def _timed(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def _ours(scenario: Scenario, directory: Path) -> float:
    runs = os.fspath(directory / "runs")
    command = [
        sys.executable,
        "-m",
        "hibtest",
        "run",
        "--cold",
        "--no-proof",
        "-j",
        "1",
        "-k",
        scenario.name,
    ]
    return _timed([*command, "--runs", runs])


def _bare(scenario: Scenario, directory: Path) -> float:
    files = images.guest_files(scenario.guest.kernel)
    key = directory / "key"
    key.write_bytes(files.ssh_key.read_bytes())
    key.chmod(0o600)
    port = _free_port()
    where = [os.fspath(directory), os.fspath(files.root), str(scenario.layout[0].size_mib)]
    command = _command(scenario, files, directory, port)
    return _timed([os.fspath(BARE), *where, os.fspath(key), str(port), "--", *command])


def _command(scenario: Scenario, files: GuestFiles, directory: Path, port: int) -> list[str]:
    """Return our own QEMU command, less what connects it to us."""
    accel, reason = choose(QEMU, "auto")
    host = Host(qemu="", accel=accel, accel_reason=reason)
    lab = Lab.of(Job.unkept(scenario, files, host, QEMU, directory))
    spec = lab.machine(first(scenario, Role.SAVE))
    words = [word.replace("127.0.0.1:0-", f"127.0.0.1:{port}-") for word in argv(spec)]
    serial = words.index("-serial")
    return words[:serial] + words[serial + 2 :]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
