"""What others read is whole, or what it was; a full disk is told with path and need."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hibtest.errors import HostError
from hibtest.files import as_host_error, whole


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", tmp_path], check=True)
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_it_is_written_and_replaced(tmp_path: Path) -> None:
    whole(tmp_path / "file", b"one")
    whole(tmp_path / "file", b"two")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"two")]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a tmpfs, as root alone may")
def test_a_full_disk_is_told_and_what_was_there_stays(small: Path) -> None:
    whole(small / "file", b"old")
    with pytest.raises(HostError) as caught:
        whole(small / "file", bytes(1 << 20))
    assert caught.value.message == f"{small}/file: No space left on device"
    assert caught.value.hint == "1024 KiB are needed, 0 MiB are free there"
    assert [(path.name, path.read_bytes()) for path in small.iterdir()] == [("file", b"old")]


def test_a_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="No such file"):
        whole(tmp_path / "gone" / "file", b"")


def test_a_failed_operation_is_told_with_its_file(tmp_path: Path) -> None:
    error = as_host_error(OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "x")))
    assert error.message == f"{tmp_path}/x: No space left on device"
    assert "MiB are free there" in (error.hint or "")
    assert as_host_error(OSError(errno.EIO, "Input/output error")).message == "Input/output error"
