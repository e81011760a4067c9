"""Exit statuses as git bisect run wants them."""

import subprocess
import sys
from pathlib import Path

import pytest

from hibtest.cli import bisecting
from hibtest.errors import ExitStatus, HibtestError, HostError, KernelError, SpecError


@pytest.mark.parametrize(
    ("error", "status"),
    [(KernelError("damaged"), 125), (SpecError("no such name"), 128), (HostError("full"), 128)],
)
def test_an_error_skips_the_commit_or_ends_the_bisection(error: HibtestError, status: int) -> None:
    with pytest.raises(HibtestError) as caught, bisecting.told(bisect=True):
        raise error
    assert caught.value.status == status


def test_otherwise_errors_keep_their_status() -> None:
    with pytest.raises(HibtestError) as caught, bisecting.told(bisect=False):
        raise KernelError("damaged")
    assert caught.value.status == ExitStatus.USAGE


def test_no_verdict_skips_the_commit() -> None:
    found = [ExitStatus.EXPECTED, ExitStatus.UNEXPECTED, ExitStatus.UNAVAILABLE]
    assert [bisecting.status(one) for one in found] == [0, 1, 125]


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--kernel", "no-such-tree/"], 128),
        (["--kernel", "."], 128),
        (["--kernel", "empty"], 128),
        (["--kernel", "unbuilt"], 128),
        (["--kernel", "6.99-nope"], 128),
        (["--kernel", "vmlinux"], 128),
        (["--kernel", "damaged"], 125),
        (["no-such-scenario"], 128),
        (["--no-such-option"], 128),
        (["--kernel", "x", "--maxfail", "many"], 128),
    ],
)
def test_the_command_has_them(words: list[str], status: int, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "unbuilt").mkdir()
    (tmp_path / "unbuilt" / "Kbuild").touch()
    (tmp_path / "vmlinux").write_bytes(b"\x7fELF")
    (tmp_path / "damaged").touch()
    argv = [sys.executable, "-m", "hibtest", "run", "--bisect", *words]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith("hibtest: ")
