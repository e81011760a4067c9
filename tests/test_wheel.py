"""hibtest as it is installed: one package, its commands and its plugin, without a checkout."""

from pathlib import Path

import pytest

from hibtest.bench.catalogue import scenarios
from tests.wheels import Installed


def test_it_installs_one_package(installed: Installed, tmp_path: Path) -> None:
    code = (
        "from importlib.metadata import distribution\n"
        "print(distribution('hibtest').read_text('top_level.txt'))"
    )
    done = installed.run("python", "-c", code, cwd=tmp_path)
    assert done.stdout.split() == ["hibtest"]


def test_its_own_scenarios_are_in_it(installed: Installed, project: Path) -> None:
    done = installed.run("hibtest", "list", "--json", cwd=project)
    assert (done.returncode, done.stderr) == (0, "")
    for scenario in scenarios():
        assert f'"name": "{scenario.name}"' in done.stdout


def test_a_name_is_looked_for_in_them(installed: Installed, project: Path) -> None:
    done = installed.run("hibtest", "plan", "baseline-trixie-platform-2cpus", cwd=project)
    assert done.returncode == 2
    assert "did you mean baseline-trixie-platform-2cpu" in done.stderr


@pytest.mark.parametrize("way", ["option", "environment", "file", "project"])
def test_scenarios_of_ones_own_are_found(installed: Installed, project: Path, way: str) -> None:
    words, env = ["list"], {}
    if way == "option":
        words += ["--scenarios", "tests/test_mine.py"]
    elif way == "environment":
        env["HIBTEST_SCENARIOS"] = "tests"
    elif way == "file":
        (project / "hibtest.toml").write_text('scenarios = ["tests"]\n')
    else:
        (project / "pyproject.toml").write_text('[tool.hibtest]\nscenarios = "tests"\n')
    done = installed.run("hibtest", *words, cwd=project, **env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "mine" in done.stdout
    assert "baseline" not in done.stdout


@pytest.mark.parametrize("words", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_they_are_collected_with_strict_markers(
    installed: Installed, project: Path, words: tuple[str, ...]
) -> None:
    asked = ("-m", "pytest", "--strict-markers", "-W", "error", "--collect-only", "-q", *words)
    done = installed.run("python", *asked, cwd=project)
    assert (done.returncode, done.stderr) == (0, "")
    if not words:
        assert "tests/test_mine.py::test_mine[mine]" in done.stdout


@pytest.mark.parametrize(("words", "status"), [((), 4), (("-n", "2"), 1)], ids=["alone", "xdist"])
def test_a_wrong_setting_is_told_in_one_line(
    installed: Installed, project: Path, words: tuple[str, ...], status: int
) -> None:
    (project / "hibtest.toml").write_text("vcpu = 1\n")
    done = installed.run("python", "-m", "pytest", "-q", *words, cwd=project)
    assert done.returncode == status
    said = done.stdout + done.stderr
    assert "hibtest.toml: no setting is called 'vcpu' (did you mean vcpus?)" in said
    assert "Traceback" not in said
    assert "INTERNALERROR" not in said


def test_tests_of_something_else_are_left_alone(installed: Installed, tmp_path: Path) -> None:
    """With a setting that is wrong, too: who asks for no scenario is told nothing of it."""
    (tmp_path / "hibtest.toml").write_text("wrong = 1\n")
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_other(request):\n"
        "    assert not [name for name in sys.modules if name.startswith('hibtest.cli')]\n"
        "    assert not list(request.node.iter_markers())\n"
    )
    done = installed.run("python", "-m", "pytest", "-q", "--strict-markers", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
