"""How much a full cycle costs beside a bare shell script that does the same boots unchecked.

    python -m benchmarks.cycle [--pairs 3] [--kernel trixie]

The two take turns in one run; what counts is the ratio, pair by pair. The proof is left out
here: what it costs is benchmarks/proof.py's to say.
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
from hibtest.cycle.boot import Lab
from hibtest.evidence import Host
from hibtest.job import Job
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
    options = parser.parse_args()
    name = f"baseline-{options.kernel}-platform-2cpu"
    scenario = next(one for one in scenarios() if one.name == name)
    images.build([options.kernel])
    ratios = []
    for pair in range(options.pairs):
        with tempfile.TemporaryDirectory(prefix="hibtest-bench-") as directory:
            ours, bare = _ours(scenario, Path(directory)), _bare(scenario, Path(directory))
        ratios.append(ours / bare)
        print(f"pair {pair + 1}: hibtest {ours:.1f} s, bare {bare:.1f} s, ratio {ours / bare:.2f}")
    print(f"{name}: median ratio {statistics.median(ratios):.2f} of {options.pairs} pairs")
    return 0


def _timed(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def _ours(scenario: Scenario, directory: Path) -> float:
    runs = os.fspath(directory / "runs")
    command = [sys.executable, "-m", "hibtest", "run", "--no-proof", "-j", "1", "-k", scenario.name]
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
