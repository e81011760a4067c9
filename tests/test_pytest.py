"""pytest finds and lists the scenarios, by its own script too, from anywhere."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = Path(sys.executable).with_name("pytest")


@pytest.mark.parametrize(
    "command", [[str(SCRIPT)], [sys.executable, "-m", "pytest"]], ids=["script", "module"]
)
def test_scenarios_are_collected(command: list[str], tmp_path: Path) -> None:
    asked = [*command, "--collect-only", "-q", str(ROOT / "scenarios" / "test_baseline.py")]
    done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "test_baseline.py::test_baseline[baseline-trixie-platform-2cpu]" in done.stdout
