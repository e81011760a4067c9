"""A qcow2 disk opens nothing but itself, unless that is asked for; other machines never."""

import os
import socket
import struct
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from hibtest.errors import HibtestError, HostError, SpecError
from hibtest.image.disk import open_disk
from hibtest.image.unpack import _MOST_LAYERS
from tests.image.test_disk import AREA, qemu_img

MIB = 1 << 20


def held(path: Path, *, backing: bool = False) -> bytes:
    """Return the begin of a disk."""
    with open_disk(path, backing=backing) as device:
        return os.pread(device.fd, len(AREA), 0)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base"
    path.write_bytes(AREA)
    return path


def upper(base: Path | str, path: Path, kind: str = "raw") -> Path:
    """Make a disk that says it lies on another, whatever that is."""
    qemu_img("create", "-f", "qcow2", path, f"{16 * MIB}")
    qemu_img("rebase", "-u", "-f", "qcow2", "-F", kind, "-b", base, path)
    return path


def test_a_backing_file_is_opened_only_when_asked(base: Path, tmp_path: Path) -> None:
    disk = upper(base, tmp_path / "disk")
    with pytest.raises(SpecError, match=f"lies on '{base}'") as caught:
        held(disk)
    assert caught.value.hint is not None
    assert "--backing" in caught.value.hint
    assert held(disk, backing=True) == AREA


def test_a_name_is_relative_to_the_disk(base: Path, tmp_path: Path) -> None:
    top = upper("middle", upper("base", tmp_path / "middle").with_name("top"), "qcow2")
    assert held(top, backing=True) == AREA
    assert base.name == "base"


def test_the_data_in_another_file_are_opened_only_when_asked(base: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    words = ("create", "-f", "qcow2", "-o", f"data_file={base},data_file_raw=on")
    qemu_img(*words, disk, f"{len(AREA)}")
    base.write_bytes(AREA)
    with pytest.raises(SpecError, match=f"lies on '{base}'"):
        held(disk)
    assert held(disk, backing=True) == AREA


@pytest.mark.parametrize(
    "name",
    [
        "nbd://127.0.0.1:{port}",
        "json:{{}}",
        'json:{{"driver":"nbd","host":"127.0.0.1","port":"{port}"}}',
        "http://127.0.0.1:{port}/",
        "nbd:127.0.0.1:{port}",
    ],
)
def test_nobody_is_called(tmp_path: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        disk = upper(name.format(port=server.getsockname()[1]), tmp_path / "disk")
        with pytest.raises(HostError, match="which is no file of this machine"):
            held(disk, backing=True)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    ("kind", "message"), [("fifo", "a FIFO is no disk"), ("itself", "more than 64 disks")]
)
def test_below_a_disk_is_a_disk(tmp_path: Path, kind: str, message: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    disk = upper(tmp_path / kind, tmp_path / "itself", "qcow2")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(HostError, match=message):
        held(disk, backing=True)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert _MOST_LAYERS == 64


def test_a_format_that_is_made_up_is_named(base: Path, tmp_path: Path) -> None:
    disk = upper(base, tmp_path / "disk")
    raw = disk.read_bytes()
    kind = struct.pack(">II", 0xE2792ACA, 3) + b"raw"
    disk.write_bytes(raw.replace(kind, kind[:-3] + b"nbd", 1))
    with pytest.raises(HostError, match="format 'nbd'"):
        held(disk, backing=True)


def test_a_small_file_that_says_it_holds_the_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    qemu_img("create", "-f", "qcow2", disk, f"{64 * MIB}")
    io = ["qemu-io", "-f", "qcow2", "-c", f"write -P 1 0 {64 * MIB}", str(disk)]
    subprocess.run(io, check=True, capture_output=True)
    monkeypatch.setattr("shutil.disk_usage", lambda _: _Full())
    with pytest.raises(HostError, match="64 MiB are needed to unpack the disk, 1 are free"):
        held(disk)


class _Full:
    free = MIB


@pytest.mark.parametrize("end", [4, 20, 80, 103])
def test_a_header_that_ends(tmp_path: Path, end: int) -> None:
    disk = tmp_path / "disk"
    qemu_img("create", "-f", "qcow2", disk, "1M")
    disk.write_bytes(disk.read_bytes()[:end])
    with pytest.raises(HostError, match="ends in its header"):
        held(disk)


def test_garbled_headers_open_nothing(base: Path, tmp_path: Path) -> None:
    disk = upper(base, tmp_path / "disk")
    whole = disk.read_bytes()
    for at in range(0, 112, 4):
        for word in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF):
            disk.write_bytes(whole[:at] + struct.pack(">I", word) + whole[at + 4 :])
            with suppress(HibtestError):  # and nothing else
                assert held(disk)[:16] in (AREA[:16], bytes(16), disk.read_bytes()[:16])
