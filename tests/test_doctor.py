import os
import shutil
from pathlib import Path

import pytest

from hibtest.doctor import (
    GIB,
    check_directory,
    check_memory,
    check_program,
    check_tools,
    check_user_namespaces,
    checks,
)
from hibtest.machine import turns
from hibtest.machine.shape import Accel


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_machine_without_anything_is_told_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {check.name: check for check in checks({"mke2fs": "e2fsprogs"}, tmp_path)}
    assert [name for name, check in found.items() if check.ok is False] == [
        "QEMU",
        "acceleration",
        "qemu-img",
        "btrfs",
        "tools for guest disks",
    ]
    assert found["QEMU"].remedy == "apt install qemu-system-x86"


def test_old_qemu_works_with_a_reservation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "qemu-system-x86_64", "echo QEMU emulator version 7.2.22")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    qemu = checks({}, tmp_path)[0]
    assert qemu.ok is None
    assert "7.2.22 crashes when a CPU is unplugged" in qemu.detail
    assert "backports" in qemu.remedy


def test_programs_are_looked_for_with_their_packages() -> None:
    assert check_program("sh", "dash").detail == shutil.which("sh")
    assert check_program("no-such-fsck", "p").remedy == "apt install p"
    missing = check_tools({"sh": "dash", "no-such-a": "p", "no-such-b": "p", "no-such-c": "q"})
    assert missing.ok is False
    assert missing.detail == "not found: no-such-a no-such-b no-such-c"
    assert missing.remedy == "apt install p q"
    assert check_tools({"sh": "dash"}).ok


def test_what_looks_at_filesystems_is_found_where_only_root_has_it_in_his_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {check.name: check for check in checks({}, tmp_path)}
    for program in ("e2fsck", "xfs_repair"):
        assert found[program].ok
        assert found[program].detail.endswith(f"sbin/{program}")


def test_directory_that_can_be_made_is_good_enough(tmp_path: Path) -> None:
    check = check_directory("cache", tmp_path / "not" / "yet", 1)
    assert check.ok
    assert not (tmp_path / "not").exists()


def test_file_in_the_place_of_a_directory_is_found(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check = check_directory("cache", tmp_path / "file" / "below", 1)
    assert check.ok is False
    assert check.detail == f"{tmp_path / 'file'} is no directory"


def test_directory_that_cannot_be_written_is_found() -> None:
    check = check_directory("cache", Path("/proc/sys/kernel"), 1)
    assert check.ok is False


def test_little_room_is_a_reservation(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    check = check_directory("cache", tmp_path, free + 100 * GIB)
    assert check.ok is None
    assert "may be needed" in check.remedy


def test_memory_must_be_enough_for_one_guest() -> None:
    assert check_memory(GIB).ok
    assert check_memory(GIB - 1).ok is False


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> int:
    uid = 54321  # a user without a name
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    return uid


def test_user_namespaces_need_subordinate_ids(tmp_path: Path, nobody: int) -> None:
    subuid = tmp_path / "subuid"
    assert check_user_namespaces(subuid, tmp_path).ok is False
    subuid.write_text("somebody:100000:65536\n")
    assert "no line for 54321" in check_user_namespaces(subuid, tmp_path).detail
    subuid.write_text("somebody:100000:65536\n54321:165536:65536\n")
    assert check_user_namespaces(subuid, tmp_path).ok


def test_user_namespaces_may_be_switched_off(tmp_path: Path, nobody: int) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "max_user_namespaces").write_text("0\n")
    check = check_user_namespaces(tmp_path / "subuid", tmp_path)
    assert check.ok is False
    assert check.detail == "user/max_user_namespaces is 0"


def test_guests_that_run_already_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "seats_directory", lambda: tmp_path / "seats")
    with turns.turn(Accel.TCG):
        *_, found = checks({}, tmp_path)
    assert found.name == "CPUs"
    assert found.ok
    assert f"; running: process {os.getpid()} " in found.detail


def test_seats_of_others_are_told_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o777)
    monkeypatch.setattr(turns, "seats_directory", lambda: tmp_path)
    *_, found = checks({}, tmp_path)
    assert found.ok is False
    assert "has mode 0777" in found.detail
    assert "TMPDIR" in found.remedy
