"""The launcher, on trees and search paths made up so that it must not change this machine."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from hibtest.programs import PACKAGES

ROOT = Path(__file__).parent.parent

# All that the launcher itself calls; without apt-get and sudo it can install nothing.
BASE = "sh cat cut env flock grep head id mkdir mktemp mv readlink rm rmdir sed sha256sum tail"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout that is not set up, in a directory with a space in its name."""
    tree = tmp_path / "a tree"
    (tree / "tests").mkdir(parents=True)
    (tree / "locks").mkdir()
    for name in ("hibtest", "pyproject.toml", "tests/run", "locks/run.txt", "locks/test.txt"):
        shutil.copy2(ROOT / name, tree / name)
    return tree


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A search path of a machine that has next to nothing."""
    bare = tmp_path / "bin"
    bare.mkdir()
    for name in BASE.split():
        found = shutil.which(name)
        assert found is not None, f"this machine has no {name}"
        (bare / name).symlink_to(found)
    return bare


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def run(
    launcher: Path, *words: str, path: Path | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(path) if path else os.environ["PATH"]}
    return subprocess.run(
        [launcher, *words], env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )


def set_up(tree: Path, *names: str) -> None:
    """Make a tree look set up, with a Python that tells how it was called."""
    (tree / ".venv" / "bin").mkdir(parents=True)
    program(tree / ".venv" / "bin" / "python", 'echo "$PWD: $@"')
    script = 'cat "$1/pyproject.toml" "$1/hibtest" "$1"/locks/*.txt | sha256sum'
    done = subprocess.run(
        ["sh", "-c", script, "sh", tree], capture_output=True, text=True, check=True
    )
    for name in names:
        (tree / ".venv" / name).write_text(f"{tree.resolve()}\n{done.stdout}")
    (tree / ".venv" / "hibtest-host").touch()


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["run", "--help"], ["test", "-h"]])
def test_help_installs_nothing(tree: Path, bare: Path, words: list[str]) -> None:
    done = run(tree / "hibtest", *words, path=bare)
    assert (done.returncode, done.stderr) == (0, "")
    assert "./hibtest run" in done.stdout
    assert "./hibtest test" in done.stdout
    assert sorted(path.name for path in tree.iterdir()) == [
        "hibtest",
        "locks",
        "pyproject.toml",
        "tests",
    ]


def missing_packages(done: subprocess.CompletedProcess[str]) -> set[str]:
    [line] = [line for line in done.stderr.splitlines() if "missing packages: " in line]
    return set(line.partition("missing packages: ")[2].split()) - {"(from", "bookworm-backports)"}


def test_machine_without_apt_is_told_every_missing_package(tree: Path, bare: Path) -> None:
    done = run(tree / "hibtest", "run", path=bare)
    assert done.returncode == 69
    assert done.stdout == ""
    found = missing_packages(done)
    assert {"qemu-system-x86", "qemu-utils", "python3-venv"} <= found
    assert "install them as you do it here" in done.stderr
    assert not (tree / ".venv").exists()


def test_packages_are_those_that_builds_name(tree: Path, bare: Path) -> None:
    # the launcher adds /usr/sbin and /sbin to the path: what is there is not missing
    here = {tool for tool in PACKAGES if shutil.which(tool, path="/usr/sbin:/sbin")}
    essential = {"apt", "dpkg", "tar"}  # of every Debian; without apt all is lost anyway
    named = {PACKAGES[tool] for tool in set(PACKAGES) - here} - essential
    assert named <= missing_packages(run(tree / "hibtest", "images", path=bare))


def test_commands_that_start_no_guest_need_python_alone(tree: Path, bare: Path) -> None:
    done = run(tree / "hibtest", "doctor", path=bare)
    assert (done.returncode, missing_packages(done)) == (69, {"python3-venv"})


def test_sudo_that_refuses_is_told(tree: Path, bare: Path) -> None:
    program(bare / "apt-get", "echo 'must not be called' >&2; exit 1")
    program(bare / "sudo", "exit 1")
    (bare / "id").unlink()
    program(bare / "id", "echo 1000")
    done = subprocess.run(
        [tree / "hibtest", "run"],
        env={"PATH": str(bare)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 69
    assert "sudo refuses" in done.stderr
    assert "must not be called" not in done.stderr


def test_apts_error_is_told_in_short(tree: Path, bare: Path) -> None:
    program(bare / "apt-get", "echo Reading; echo 'E: Unable to locate package x'; exit 100")
    (bare / "id").unlink()
    program(bare / "id", "echo 0")
    done = run(tree / "hibtest", "doctor", path=bare)
    assert done.returncode == 69
    assert "apt-get failed: E: Unable to locate package x" in done.stderr
    assert "→ see to the network" in done.stderr
    assert "Reading" not in done.stderr


def test_what_is_set_up_runs_at_once_in_the_users_directory(tree: Path, tmp_path: Path) -> None:
    set_up(tree, "hibtest-stamp")
    link = tmp_path / "link"
    link.symlink_to(tree / "hibtest")
    done = run(link, "list", "-k", "a b", cwd=tmp_path)
    assert done.stdout == f"{tmp_path}: -P -m hibtest list -k a b\n"
    assert (done.returncode, done.stderr) == (0, "")


def test_exit_status_is_that_of_the_program(tree: Path) -> None:
    set_up(tree, "hibtest-stamp")
    program(tree / ".venv" / "bin" / "python", "exit 2")
    assert run(tree / "hibtest", "judge", "none").returncode == 2


def test_changed_project_or_moved_tree_is_set_up_again(tree: Path, bare: Path) -> None:
    set_up(tree, "hibtest-stamp")
    python = tree / ".venv" / "bin" / "python"
    program(python, "exit 1")
    moved = tree.rename(tree.with_name("moved"))
    done = run(moved / "hibtest", "list", path=bare)
    assert done.returncode == 69
    assert ".venv is no Python environment" in done.stderr


def test_an_environment_behind_a_link_is_left_alone(tree: Path, bare: Path, tmp_path: Path) -> None:
    others = tmp_path / "others"
    (others / "bin").mkdir(parents=True)
    (others / "pyvenv.cfg").touch()
    program(others / "bin" / "python", f"echo called >{tmp_path}/called")
    (tree / ".venv").symlink_to(others)
    done = run(tree / "hibtest", "list", path=bare)
    assert done.returncode == 69
    assert f".venv is a symbolic link, to {others}: that environment is left alone" in done.stderr
    assert sorted(path.name for path in others.iterdir()) == ["bin", "pyvenv.cfg"]
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize(("words", "lock"), [(["list"], "run"), (["test", "x"], "test")])
def test_packages_come_with_the_hashes_of_the_lock(
    tree: Path, equipped: Path, tmp_path: Path, words: list[str], lock: str
) -> None:
    set_up(tree)
    called = tmp_path / "called"
    program(tree / ".venv" / "bin" / "python", f'echo "$@" >>{called}')
    assert run(tree / "hibtest", *words, path=equipped).returncode == 0
    installed = [line for line in called.read_text().splitlines() if "pip install" in line]
    common = "-m pip install --quiet --disable-pip-version-check --no-input"
    assert installed == [
        f"{common} --require-hashes --only-binary :all: --requirement locks/{lock}.txt",
        f"{common} --no-deps --no-build-isolation --editable .",
    ]


def test_a_changed_lock_is_installed_anew(tree: Path, bare: Path) -> None:
    set_up(tree, "hibtest-stamp")
    with (tree / "locks" / "run.txt").open("a") as lock:
        lock.write("\n")
    program(tree / ".venv" / "bin" / "python", 'echo "ERROR: no network" >&2; exit 1')
    done = run(tree / "hibtest", "list", path=bare)
    assert done.returncode == 69
    assert "venv" in done.stderr


@pytest.fixture
def equipped(bare: Path) -> Path:
    """A search path where no program is missing; none of them does anything."""
    if not Path("/usr/share/keyrings/debian-archive-keyring.gpg").exists():
        pytest.skip("needs the package debian-archive-keyring")
    for name in ("shellcheck", "cc", "qemu-system-x86_64", "qemu-img", "newuidmap", *PACKAGES):
        if not (bare / name).exists():
            program(bare / name, "exit 0")
    return bare


def test_failed_step_is_named_and_the_others_go_on(tree: Path, equipped: Path) -> None:
    set_up(tree, "hibtest-stamp-test")
    program(tree / ".venv" / "bin" / "python", 'case "$2" in mypy) exit 1; esac')
    done = run(tree / "hibtest", "test", path=equipped)
    assert done.returncode == 1
    steps = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("== ")]
    assert steps == [
        "lint:",
        "format:",
        "types:",
        "shell:",
        "unit:",
        "disks:",
        "guests:",
        "failed:",
    ]
    assert done.stdout.splitlines()[-1] == "== failed: types"
    program(tree / ".venv" / "bin" / "python", "exit 0")
    done = run(tree / "hibtest", "test", path=equipped)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "== all is well: 7 of 7 steps")


def test_first_guest_has_the_host_looked_at_once(tree: Path, equipped: Path) -> None:
    set_up(tree, "hibtest-stamp")
    asked = tree / ".venv" / "hibtest-host"
    asked.unlink()
    assert run(tree / "hibtest", "list", path=equipped).returncode == 0
    assert not asked.exists()
    assert run(tree / "hibtest", "run", path=equipped).returncode == 0
    assert asked.exists()


def test_ctrl_c_ends_with_130(tree: Path, equipped: Path, tmp_path: Path) -> None:
    set_up(tree, "hibtest-stamp-test")
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    python = tree / ".venv" / "bin" / "python"
    sleep = shutil.which("sleep")
    program(python, f'trap "exit 1" INT; echo up >"{ready}"; while :; do "{sleep}" 1; done')
    process = subprocess.Popen(
        [tree / "hibtest", "test", "tests"],
        env={"PATH": str(equipped)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert ready.read_text() == "up\n"
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate()
    assert (process.returncode, errors) == (130, "hibtest: interrupted\n")
