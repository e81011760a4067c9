"""The command line as a user meets it: a real process, bad input, exit status, one clear line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import hibtest
from hibtest.cli.catalogue import scenarios
from hibtest.errors import ExitStatus


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
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert len(names) == len(set(names)) == len(scenarios())
    assert "baseline-trixie-platform-2cpu" in names
