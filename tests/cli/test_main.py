"""The command line as a user meets it: a real process, bad input, exit status, one clear line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import hibtest
from hibtest.bench.catalogue import scenarios
from hibtest.errors import ExitStatus
from tests.commands import Command


def _hibtest(
    *words: str, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hibtest", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={
            **os.environ,
            "PYTHONPATH": os.fspath(Path(hibtest.__file__).parents[1]),
            **(env or {}),
        },
    )


def _refused(done: subprocess.CompletedProcess[str], status: ExitStatus, *words: str) -> None:
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("hibtest: ")
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("command", ["run", "list", "plan", "judge", "doctor", "images"])
def test_help_names_every_command(command: str) -> None:
    done = _hibtest("--help")
    assert done.returncode == 0
    assert command in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fly",), "fly"),
        (("run", "--fly"), "--fly"),
        (("run", "-k", "no-such-scenario"), "no-such-scenario"),
        (("run", "-k", "smoke and"), "a word is missing"),
        (("run", "--times", "0"), "--times"),
        (("run", "--memory", "64"), "64 MiB of memory is too little to boot"),
        (("run", "--modules", "/lib/modules"), "--kernel"),
        (("run", "--accel", "fast", "-k", "smoke", "--kernel", "/bin/true"), "fast"),
        (("plan", "no-such-scenario"), "no-such-scenario"),
        (("judge", "/no/such/run"), "/no/such/run"),
        (("run", "--from", "/no/such/run"), "/no/such/run"),
        (("run", "--from", "/no/such/run", "-k", "cold"), "-k and --from"),
        (("run", "--from", "/no/such/run", "--failed"), "--from and --failed"),
        (("run", "--from", "/no/such/run", "--scenarios", "x"), "--from and --scenarios"),
        (("run", "cold-trixie-noresume", "-k", "cold"), "NAME and -k"),
        (("run", "--all", "-k", "cold"), "-k and --all"),
        (("run", "--json", "--ktap"), "--json and --ktap"),
        (("run", "baseline-trixie-platform-3cpu"), "did you mean baseline-trixie-platform-"),
        (("show", "/no/such/run"), "/no/such/run"),
        (("boot", "/no/such/run"), "/no/such/run"),
        (("run", "--kernel", "/no/such/tree"), "/no/such/tree"),
    ],
)
def test_what_cannot_be_meant_is_named_with_status_2(words: tuple[str, ...], said: str) -> None:
    _refused(_hibtest(*words), ExitStatus.USAGE, said)


def test_a_file_that_is_no_kernel_is_named(tmp_path: Path) -> None:
    stranger = tmp_path / "bzImage"
    stranger.write_bytes(b"no kernel" * 1000)
    done = _hibtest("run", "--kernel", os.fspath(stranger), "--accel", "tcg")
    _refused(done, ExitStatus.USAGE, os.fspath(stranger))


def test_a_missing_qemu_is_named_with_its_package(tmp_path: Path) -> None:
    stranger = tmp_path / "bzImage"
    stranger.write_bytes(b"no kernel")
    done = _hibtest("run", "--kernel", os.fspath(stranger), env={"PATH": os.fspath(tmp_path)})
    _refused(done, ExitStatus.UNAVAILABLE, "qemu-system-x86")


def test_a_cache_that_is_a_file_is_named(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.write_text("in the way")
    done = _hibtest("images", "list", env={"XDG_CACHE_HOME": os.fspath(cache)})
    _refused(done, ExitStatus.UNAVAILABLE, os.fspath(cache))


def test_a_runs_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.write_text("in the way")
    done = _hibtest("run", "--from", os.fspath(runs))
    _refused(done, ExitStatus.USAGE, os.fspath(runs))


@pytest.mark.parametrize(
    "words",
    [("list", "-k", "refused"), ("run", "-k", "refused"), ("plan", "cold-trixie-noresume")],
    ids=lambda words: words[0],
)
def test_what_a_setting_hides_of_hibtests_own_is_told(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "hibtest.toml").write_text('scenarios = ["test_mine.py"]\n')
    (tmp_path / "test_mine.py").write_text(
        "from hibtest.spec import GuestSpec, Scenario\n"
        'SCENARIOS = (Scenario(name="mine", guest=GuestSpec(kernel="trixie")),)\n'
    )
    _refused(_hibtest(*words, cwd=tmp_path), ExitStatus.USAGE, "--scenarios hibtest.scenarios")
    done = _hibtest("list", cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "hibtest's own: --scenarios hibtest.scenarios"
    done = _hibtest("list", "-k", "refused", "--scenarios", "hibtest.scenarios", cwd=tmp_path)
    assert "refused-trixie-no-swap" in done.stdout


def test_where_nothing_failed_it_is_said_what_was_not_asked(tmp_path: Path) -> None:
    done = _hibtest("run", "--failed", "--runs", os.fspath(tmp_path))
    assert done.returncode == ExitStatus.EXPECTED
    assert "no scenario's last verdict was a surprise" in done.stdout
    assert "interrupted" in done.stdout
    assert "pytest alone" in done.stdout


def test_list_is_quiet_when_nobody_reads_on() -> None:
    command = f"{sys.executable} -m hibtest list --json | head -c 1"
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (done.stdout, done.stderr) == ("[", "")


def test_list_shows_every_scenario_once() -> None:
    done = _hibtest("list")
    table, by_pytest = done.stdout.split("\n\n")
    names = [line.split()[0] for line in table.splitlines()[1:]]
    assert sorted(names) == sorted(scenario.name for scenario in scenarios())
    others = by_pytest.splitlines()[1:]
    assert len(others) == len(set(others)) > 0
    assert any(line.startswith("test_snapshot_device[on-trixie-") for line in others)


def test_list_fits_a_terminal() -> None:
    """The columns of a small terminal do for every scenario, a line each."""
    argv = ["script", "-qec", f"{sys.executable} -m hibtest list", "/dev/null"]
    env = {**os.environ, "COLUMNS": "80", "TERM": "dumb"}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert max(map(len, lines)) <= 80
    assert {scenario.name for scenario in scenarios()} < {line.partition(" ")[0] for line in lines}


@pytest.mark.parametrize(
    "words",
    [("list",), ("doctor",), ("images", "list")],
    ids=lambda words: words[0],
)
def test_json_is_json_and_nothing_else(words: tuple[str, ...]) -> None:
    done = _hibtest(*words, "--json")
    assert json.loads(done.stdout)


def test_version() -> None:
    done = _hibtest("--version")
    assert (done.returncode, done.stdout) == (0, f"hibtest {hibtest.__version__}\n")


def test_kconfig_prints_the_fragment(hibtest: Command) -> None:
    done = hibtest("kconfig")
    assert (done.status, done.err) == (0, "")
    assert "\nCONFIG_HIBERNATION=y\n" in done.out


def test_names_of_scenarios_are_completed() -> None:
    env = {
        "_HIBTEST_COMPLETE": "complete_bash",
        "COMP_WORDS": "hibtest run baseline-tr",
        "COMP_CWORD": "2",
    }
    done = _hibtest(env=env)
    assert "baseline-trixie-platform-2cpu" in done.stdout.splitlines()
    assert not [line for line in done.stdout.splitlines() if "bookworm" in line]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_had(shell: str) -> None:
    done = _hibtest(env={"_HIBTEST_COMPLETE": f"source_{shell}"})  # as --show-completion does
    assert done.returncode == 0, done.stderr
    assert f"_HIBTEST_COMPLETE=complete_{shell}" in done.stdout
