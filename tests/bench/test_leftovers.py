"""What a killed run has left is swept by the next, and nothing else is."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hibtest.bench.leftovers import owner

# Makes a run with disks, says so, and waits until it is killed.
OWNS = """
import sys
from pathlib import Path
from hibtest.bench.leftovers import owner, parts_of

runs = Path(sys.argv[1])
with owner(runs, print) as name:
    run = runs / "baseline" / "1"
    run.mkdir(parents=True)
    (run / "owner").write_text(name)
    (run / "swap.raw").write_bytes(bytes(1 << 20))
    (run / "console.log").write_text("boots")
    (parts_of(runs, name) / "half").mkdir(parents=True)
    print("ready", flush=True)
    sys.stdin.read()
"""


def left(runs: Path) -> set[str]:
    return {path.name for path in (runs / "baseline" / "1").iterdir()}


def sweep(runs: Path) -> list[str]:
    told: list[str] = []
    with owner(runs, told.append):
        pass
    return told


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A directory of runs, one of which was killed."""
    with owned(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
    return tmp_path


def owned(runs: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", OWNS, runs],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_the_disks_of_a_killed_run_go_and_its_logs_stay(killed: Path) -> None:
    assert sweep(killed) == ["removed the disks of a run that was killed, 1 MiB"]
    assert left(killed) == {"console.log"}
    assert not [*(killed / ".owners").iterdir()]
    assert sweep(killed) == []


def test_a_run_that_is_under_way_is_left_alone(tmp_path: Path) -> None:
    with owned(tmp_path) as process:
        assert sweep(tmp_path) == []
        assert left(tmp_path) == {"console.log", "owner", "swap.raw"}
        process.kill()


@pytest.mark.parametrize(
    "change",
    [
        lambda run: (run / "verdict.json").touch(),
        lambda run: (run / "owner").unlink(),
        lambda run: (run / "owner").write_text("../../etc"),
        lambda run: (run / "owner").write_bytes(b"\xff"),
    ],
    ids=["judged", "nobody's", "no name", "no text"],
)
def test_disks_that_were_kept_stay(killed: Path, change: Callable[[Path], object]) -> None:
    change(killed / "baseline" / "1")
    assert sweep(killed) == []
    assert "swap.raw" in left(killed)


def test_what_had_not_come_whole_is_removed(killed: Path) -> None:
    assert list(killed.glob(".parts/*/half"))
    sweep(killed)
    assert not (killed / ".parts").exists()


def test_what_comes_for_somebody_who_lives_stays(tmp_path: Path) -> None:
    with owned(tmp_path) as process:
        sweep(tmp_path)
        there = list(tmp_path.glob(".parts/*/half"))
        process.kill()
    assert there
