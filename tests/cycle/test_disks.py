"""The disks of a run: where the root filesystem stands decides which there are."""

from dataclasses import replace
from pathlib import Path

from hibtest.cycle.cmdline import cmdline
from hibtest.cycle.disks import NAMES, compared, disks, make_disks
from hibtest.machine.shape import DiskFormat
from hibtest.spec import GuestSpec, MappedRoot, Role, Scenario
from tests.cycle.jobs import files_in

PLAIN = Scenario(name="plain", guest=GuestSpec(kernel="trixie"))
MAPPED = Scenario(name="mapped", guest=GuestSpec(kernel="trixie", root=MappedRoot(scratch_mib=8)))


def test_a_mapped_root_is_a_raw_copy_with_a_scratch_disk_beside(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    run = tmp_path / "run"
    run.mkdir()
    make_disks(MAPPED, files, run)
    found = {disk.serial: disk for disk in disks(MAPPED, files, run)}
    root, scratch = found["root"], found["scratch"]
    assert root.format is DiskFormat.RAW
    assert root.path.read_bytes() == files.root.read_bytes()
    with root.path.open("r+b") as file:  # not read-only like what it was copied from
        file.write(b"new")
    assert files.root.read_bytes().startswith(b"root")
    assert scratch.path.stat().st_size == 8 << 20
    assert [disk.path for disk in compared(MAPPED, run)] == [root.path]
    assert {path.name for path in run.iterdir()} <= set(NAMES)  # all are dropped at the end


def test_other_guests_have_the_disks_that_they_had(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    assert [disk.serial for disk in disks(PLAIN, files, tmp_path)] == ["root", "swap", "toolbox"]
    assert compared(PLAIN, tmp_path) == ()


def test_a_mapped_root_needs_no_scratch(tmp_path: Path) -> None:
    guest = replace(MAPPED.guest, root=MappedRoot(scratch_mib=0))
    found = disks(replace(MAPPED, guest=guest), files_in(tmp_path), tmp_path)
    assert "scratch" not in {disk.serial for disk in found}


def test_every_boot_is_told_of_a_mapped_root() -> None:
    for role in Role:
        assert "hibtest.rootdm=1" in cmdline(MAPPED, role).split()
        assert "hibtest.rootdm=1" not in cmdline(PLAIN, role).split()
