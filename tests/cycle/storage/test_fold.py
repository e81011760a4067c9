"""The disks of a run: where the root filesystem stands decides which there are."""

from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.cycle.cmdline import cmdline
from hibtest.cycle.storage import storage_of
from hibtest.cycle.storage.filesystem import filesystem_part
from hibtest.cycle.storage.left import disks_in, drop_disks
from hibtest.machine.shape import DiskFormat
from hibtest.spec import (
    AgentMethod,
    Crypt,
    DataDisk,
    Filesystem,
    GuestSpec,
    Linear,
    Role,
    Scenario,
    Stack,
    SwapDisk,
    SwapFile,
    Target,
)
from tests.cycle.jobs import files_in

PLAIN = Scenario(name="plain", guest=GuestSpec(kernel="trixie"))
MAPPED = Scenario(name="mapped", guest=GuestSpec(kernel="trixie", root=(Linear(),), scratch_mib=8))


def test_a_mapped_root_is_a_raw_copy_with_a_scratch_disk_beside(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    run = tmp_path / "run"
    run.mkdir()
    storage = storage_of(MAPPED)
    storage.make(files, run)
    found = {disk.serial: disk for disk in storage.disks(files, run)}
    root, scratch = found["root"], found["scratch"]
    assert root.format is DiskFormat.RAW
    assert root.path.read_bytes() == files.root.read_bytes()
    with root.path.open("r+b") as file:  # not read-only like what it was copied from
        file.write(b"new")
    assert files.root.read_bytes().startswith(b"root")
    assert scratch.path.stat().st_size == 8 << 20
    assert [disk.path for disk in storage.compared(run)] == [root.path]


def test_other_guests_have_the_disks_that_they_had(tmp_path: Path) -> None:
    files = files_in(tmp_path)
    storage = storage_of(PLAIN)
    found = [disk.serial for disk in storage.disks(files, tmp_path)]
    assert found == ["root", "swap", "toolbox", "plan"]
    assert storage.compared(tmp_path) == ()


def test_a_mapped_root_needs_no_scratch(tmp_path: Path) -> None:
    guest = replace(MAPPED.guest, scratch_mib=0)
    found = storage_of(replace(MAPPED, guest=guest)).disks(files_in(tmp_path), tmp_path)
    assert "scratch" not in {disk.serial for disk in found}


def test_every_boot_is_told_of_a_mapped_root() -> None:
    for role in Role:
        assert "root=/dev/mapper/root" in cmdline(MAPPED, storage_of(MAPPED), role).split()
    assert "dmsetup create root" in storage_of(MAPPED).script


@pytest.mark.parametrize("target", Target)
def test_all_that_a_run_keeps_of_its_guest_is_dropped_at_the_end(
    target: Target, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    storage = storage_of(replace(MAPPED, method=AgentMethod(target=target)))
    storage.make(files_in(tmp_path), run)
    place = storage.image_in(run, None)
    assert place
    image = place.path
    if target is Target.SERVER:  # it makes its file, and a lock beside it
        image.touch()
        image.with_name(f"{image.name}.lock").touch()
    (run / "evidence.json").touch()
    assert image in disks_in(run)
    drop_disks(run)
    assert [path.name for path in run.iterdir()] == ["evidence.json"]


def test_disks_that_have_a_filesystem_are_known_with_what_they_were_made_from(
    tmp_path: Path,
) -> None:
    files = files_in(tmp_path)
    layout = (SwapFile(on=(Crypt(),)), SwapDisk(), SwapDisk(on=(Crypt(),)))
    found = list(storage_of(replace(MAPPED, layout=layout)).filesystems(files, tmp_path))
    assert [(one.disk.serial, one.meant) for one in found] == [
        ("root", Filesystem.EXT4),
        ("swap", Filesystem.EXT4),
        ("swap2", None),
        ("scratch", None),
    ]
    assert [one.before for one in found] == [files.root, None, None, None]
    assert [len(one.views) for one in found] == [0, 1, 0, 0]


@pytest.mark.parametrize("target", Target)
def test_what_an_image_is_written_to_is_not_taken_for_a_filesystem(
    target: Target, tmp_path: Path
) -> None:
    scenario = replace(PLAIN, method=AgentMethod(target=target))
    found = list(storage_of(scenario).filesystems(files_in(tmp_path), tmp_path))
    others = [one.disk.serial for one in found if not one.meant]
    assert others == ([] if target is Target.SWAP else ["swap"])


@pytest.mark.parametrize("kind", Filesystem)
@pytest.mark.parametrize("stack", [(), (Linear(), Crypt())])
def test_a_data_disk_is_mounted_at_data_and_looked_at(
    kind: Filesystem, stack: Stack, tmp_path: Path
) -> None:
    guest = replace(PLAIN.guest, data=DataDisk(filesystem=kind, on=stack, size_mib=16))
    storage = storage_of(replace(PLAIN, guest=guest))
    files = files_in(tmp_path)
    assert [disk.serial for disk in storage.disks(files, tmp_path)][-2:] == ["data", "plan"]
    device = "/dev/mapper/data-crypt" if stack else "/dev/disk/by-id/virtio-data"
    early, late = storage.script.split("late() {\n")
    assert f"mount_disk {device} /data {kind}" in late
    assert early.count(device) == (1 if stack else 0)  # where it is made
    (found,) = (one for one in storage.filesystems(files, tmp_path) if one.disk.serial == "data")
    assert (found.meant, len(found.views)) == (kind, len(stack) - 1 if stack else 0)


def test_a_filesystem_has_more_room_for_what_a_layer_keeps(tmp_path: Path) -> None:
    files, sizes = files_in(tmp_path), []
    stacks: tuple[Stack, ...] = ((Linear(),), (Linear(), Crypt()))
    for stack in stacks:
        disk = filesystem_part(Filesystem.XFS, "data", 64, stack, ()).disks[0]
        path = tmp_path / disk.file
        disk.make(path, files)
        sizes.append(path.stat().st_size)
        path.unlink()
    assert sizes[1] - sizes[0] >= 16 << 20  # the header of LUKS2; XFS wants 300 MiB above it
