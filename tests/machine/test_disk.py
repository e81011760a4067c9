import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hibtest.errors import HostError
from hibtest.machine.disk import copy, flat, full_disk, overlay, require_room, sparse
from hibtest.machine.monitor import Event
from hibtest.machine.shape import Disk, DiskFormat


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_overlay_rests_on_its_base(tmp_path: Path) -> None:
    base = sparse(tmp_path / "base.img", 8)
    made = overlay(base, tmp_path / "root.qcow2")
    said = subprocess.run(
        ["qemu-img", "info", "--output=json", made], capture_output=True, check=True
    ).stdout
    info = json.loads(said)
    assert (info["format"], info["virtual-size"]) == ("qcow2", 8 << 20)
    assert (info["backing-filename"], info["backing-filename-format"]) == (str(base), "raw")
    assert _names(tmp_path) == ["base.img", "root.qcow2"]


def test_what_an_overlay_holds_is_flattened_and_takes_no_room_for_zeros(tmp_path: Path) -> None:
    base = sparse(tmp_path / "base.img", 64)
    with base.open("r+b") as file:
        file.write(b"root" * 1024)
    disk = Disk(serial="root", path=overlay(base, tmp_path / "root.qcow2"), format=DiskFormat.QCOW2)
    made = flat(disk, tmp_path / "flat.raw")
    assert made.read_bytes() == base.read_bytes()
    assert made.stat().st_blocks * 512 < 1 << 20
    disk.path.write_bytes(b"QFI")
    with pytest.raises(HostError, match=r"again\.raw: root\.qcow2 could not be copied"):
        flat(disk, tmp_path / "again.raw")
    assert _names(tmp_path) == ["base.img", "flat.raw", "root.qcow2"]


def test_sparse_disk_has_its_size_and_takes_no_room(tmp_path: Path) -> None:
    stat = sparse(tmp_path / "swap.img", 64).stat()
    assert stat.st_size == 64 << 20
    assert stat.st_blocks * 512 < 1 << 20


def test_overlay_on_nothing_names_the_base(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"none\.img: no such disk \(hibtest images build"):
        overlay(tmp_path / "none.img", tmp_path / "root.qcow2")


def test_overlay_in_no_directory_leaves_nothing(tmp_path: Path) -> None:
    base = sparse(tmp_path / "base.img", 1)
    with pytest.raises(HostError, match="No such file or directory"):
        overlay(base, tmp_path / "none" / "root.qcow2")
    assert _names(tmp_path) == ["base.img"]


def test_overlay_without_qemu_img_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = sparse(tmp_path / "base.img", 1)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="apt-get install qemu-utils"):
        overlay(base, tmp_path / "root.qcow2")


def test_disk_that_no_file_system_holds_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"swap\.img: "):
        sparse(tmp_path / "swap.img", 1 << 42)
    assert _names(tmp_path) == []


def test_room_is_counted_in_mib(tmp_path: Path) -> None:
    require_room(tmp_path, 0)
    with pytest.raises(HostError, match=r"MiB are free, 1099511627776 MiB are needed"):
        require_room(tmp_path, 1 << 40)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("BLOCK_IO_ERROR", {"node-name": "swap", "nospace": False}),
        ("STOP", {}),
    ],
)
def test_other_events_are_not_a_full_disk(name: str, data: dict[str, object]) -> None:
    assert full_disk(Event(name=name, at=0.0, data=data)) is None


@pytest.mark.qemu
def test_guest_that_writes_to_a_full_file_system_is_the_hosts_fault(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = 'mount -t tmpfs -o size=64k none "$1" && shift && exec "$@"'
    in_own_mounts = ("unshare", "--map-root-user", "--mount", "sh")
    allowed = subprocess.run((*in_own_mounts, "-c", "true"), capture_output=True, check=False)
    if allowed.returncode != 0:
        pytest.skip("to mount a small file system: unprivileged user namespaces are not allowed")
    fill = (sys.executable, "-m", "tests.machine.child", "fill")
    done = subprocess.run(
        (*in_own_mounts, "-c", mount, "sh", small, *fill, tmp_path / "machine", small),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.stdout.splitlines()) == (
        "",
        [
            "No space left on device",
            "disk root: the host has no room for what the guest writes (free some)",
        ],
    )


def sparse_one(directory: Path) -> Path:
    return sparse(directory / "disk", 1)


def copied_one(directory: Path) -> Path:
    (directory / "base").write_bytes(bytes(4096))
    return copy(directory / "base", directory / "disk")


@pytest.mark.parametrize("make", [sparse_one, copied_one])
def test_a_disk_is_its_owners_alone(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    umask = os.umask(0)
    try:
        assert make(tmp_path).stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(umask)
