"""pytest finds and lists the scenarios, by its own script too, from anywhere."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hibtest.events import Note, Waiting
from hibtest.pytest_options import tell_waiting

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


class _NoCapture:
    """A configuration without plugins, as far as one is asked for."""

    pluginmanager = SimpleNamespace(get_plugin=lambda _name: None)


def test_a_wait_is_told_while_it_lasts(capsys: pytest.CaptureFixture[str]) -> None:
    config: Any = _NoCapture()
    tell_waiting(config, Waiting(t=2.0, text="waiting for a CPU: held by process 7"))
    tell_waiting(config, Note(t=3.0, text="not of interest here"))
    assert capsys.readouterr().err == "\nhibtest: waiting for a CPU: held by process 7\n"
