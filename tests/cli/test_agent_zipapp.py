"""``hibtest agent-zipapp`` as a user calls it."""

import os
import subprocess
import sys
from pathlib import Path

from hibtest.errors import ExitStatus

ROOT = Path(__file__).parents[2]


def zipapp(file: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "hibtest", "agent-zipapp", os.fspath(file)]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)


def test_what_it_writes_runs_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "agent.pyz"
    done = zipapp(file)
    assert (done.returncode, done.stderr) == (ExitStatus.EXPECTED, "")
    words = [sys.executable, "-I", os.fspath(file), "status", "--target", f"raw:{file}"]
    answer = subprocess.run(words, capture_output=True, text=True, check=False, cwd="/")
    assert (answer.returncode, '"state": "none"' in answer.stdout) == (0, True), answer.stderr


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    done = zipapp(taken)
    assert done.returncode == ExitStatus.UNAVAILABLE
    assert done.stderr.startswith(f"hibtest: {taken}: Is a directory")
    assert list(tmp_path.iterdir()) == [taken]
