"""What a project and its environment say about how scenarios are run."""

import os
import re
from pathlib import Path

import pytest

from hibtest.errors import SpecError
from hibtest.pytest_options import add_options
from hibtest.settings import NAMES, Settings, found

ROOT = Path(__file__).parents[1]


def test_nothing_is_said(tmp_path: Path) -> None:
    assert found(tmp_path, {}) == Settings()


def test_the_nearest_file_counts_and_its_paths_are_as_seen_from_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.hibtest]\nmemory = 1024\n")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / "hibtest.toml").write_text(
        'scenarios = ["tests/hib"]\nkernel = "../linux"\nmodules = "mods"\nruns = "/var/runs"\n'
    )
    said = found(inner, {})
    assert said == Settings(
        scenarios=(tmp_path / "a/tests/hib",),
        kernel=str(tmp_path / "a/../linux"),
        modules=tmp_path / "a/mods",
        runs=Path("/var/runs"),
    )


def test_a_project_that_says_nothing_is_passed_by(tmp_path: Path) -> None:
    (tmp_path / "hibtest.toml").write_text("vcpus = 4\nproof = false\n")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[tool.other]\nx = 1\n")
    assert found(inner, {}) == Settings(vcpus=4, proof=False)
    (inner / "pyproject.toml").write_text("not TOML [")
    assert found(inner, {}) == Settings(vcpus=4, proof=False)


def test_an_installed_kernel_is_no_path(tmp_path: Path) -> None:
    (tmp_path / "hibtest.toml").write_text('kernel = "6.1.0-9-amd64"\nscenarios = "one.py"\n')
    said = found(tmp_path, {})
    assert (said.kernel, said.scenarios) == ("6.1.0-9-amd64", (tmp_path / "one.py",))


def test_the_environment_counts_before_a_file(tmp_path: Path) -> None:
    (tmp_path / "hibtest.toml").write_text("vcpus = 4\nmemory = 1024\n")
    environ = {
        "HIBTEST_VCPUS": "8", "HIBTEST_NO_PROOF": "1", "HIBTEST_KEEP": "yes",
        "HIBTEST_SCENARIOS": "a:b", "HIBTEST_ACCEL": "",
    }  # fmt: skip
    said = found(tmp_path, {name: "1" if v == "yes" else v for name, v in environ.items()})
    assert said == Settings(
        vcpus=8, memory=1024, proof=False, keep=True, scenarios=(Path("a"), Path("b"))
    )


def test_what_is_said_first_counts() -> None:
    asked = Settings(vcpus=2, proof=True)
    assert asked.over(Settings(vcpus=4, proof=False, keep=True)) == Settings(
        vcpus=2, proof=True, keep=True
    )


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("vcpu = 4\n", r"no setting is called 'vcpu' \(did you mean vcpus\?\)"),
        ("xyzzy = 4\n", "there are scenarios, kernel"),
        ('vcpus = "four"\n', "vcpus: 'four' is not a number$"),
        ("memory = 1.5\n", "memory: 1.5 is not a number of MiB$"),
        ('keep = "yes"\n', "keep: 'yes' is not true or false$"),
        ("scenarios = [1]\n", r"scenarios: \[1\] is not a list of paths in quotes$"),
        ("runs = 1\n", "runs: 1 is not text in quotes$"),
        ("vcpus = \n", "hibtest.toml: Invalid value"),
        ("kernel = 6\n", "kernel: 6 is not text in quotes$"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_file(
    tmp_path: Path, text: str, wrong: str
) -> None:
    (tmp_path / "hibtest.toml").write_text(text)
    with pytest.raises(SpecError, match=wrong) as caught:
        found(tmp_path, {})
    assert str(tmp_path / "hibtest.toml") in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file somebody else's")
def test_a_file_that_a_stranger_put_above_us_is_not_read(tmp_path: Path) -> None:
    above = tmp_path / "tmp"
    inner = above / "mine"
    inner.mkdir(parents=True)
    above.chmod(0o1777)
    file = above / "hibtest.toml"
    file.write_text("vcpus = 4\n")
    assert found(inner, {}) == Settings(vcpus=4)
    os.chown(file, 12345, -1)
    assert found(inner, {}) == Settings()
    above.chmod(0o755)  # nobody but its owner could have put it there
    assert found(inner, {}) == Settings(vcpus=4)


@pytest.mark.parametrize(
    ("variable", "value", "wrong"),
    [
        ("HIBTEST_VCPUS", "four", "'four' is not a number$"),
        ("HIBTEST_MEMORY", "lots", "'lots' is not a number of MiB$"),
        ("HIBTEST_KEEP", "yes", "'yes' is not 1 or 0$"),
        ("HIBTEST_NO_PROOF", "on", "'on' is not 1 or 0$"),
        ("HIBTEST_VCPU", "4", r"no setting is called 'vcpu' \(did you mean vcpus\?\)"),
        ("HIBTEST_NO_PROFF", "1", r"no setting is called 'no_proff' \(did you mean no_proof"),
        ("HIBTEST_NO_KEEP", "1", "no setting is called 'no_keep'"),
        ("HIBTEST_DEBIAN_MIRRORS", "x", r"no .*did you mean debian_mirror\?"),
        ("HIBTEST_XYZZY", "1", r"no .*\(there are scenarios, kernel"),
    ],
)
def test_and_with_the_variable(tmp_path: Path, variable: str, value: str, wrong: str) -> None:
    with pytest.raises(SpecError, match=f"^{variable}: {wrong}") as caught:
        found(tmp_path, {variable: value})
    assert "docs/" not in str(caught.value)  # which are not beside a wheel


def test_variables_that_hibtest_reads_elsewhere_are_no_settings(tmp_path: Path) -> None:
    """Those that stand anywhere in its code, tests and recipes."""
    places = ("harness", "images", "scenarios", "tests", "benchmarks")
    files = [file for place in places for file in (ROOT / place).rglob("*.py")]
    read = re.compile(r'(?:environ.get\(|VARIABLE = )"(HIBTEST_[A-Z_]+)"')
    names = {name for file in files for name in read.findall(file.read_text())}
    assert {"HIBTEST_PATIENCE", "HIBTEST_FUZZ_SEED", "HIBTEST_UPDATE_GOLDEN"} < names
    assert found(tmp_path, dict.fromkeys(names, "1")) == Settings()


def test_pytest_has_an_option_for_each_but_one() -> None:
    options = pytest.Parser(_ispytest=True).getgroup("hibtest")
    add_options(options)
    names = {str(option.dest).removeprefix("hib_") for option in options.options}
    assert names == set(NAMES) - {"scenarios"}  # pytest has arguments for these
