"""The steps that a guest carries out for its storage: lines of shell, in words that it has."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.bench import catalogue
from hibtest.cycle.storage import storage_of
from hibtest.cycle.storage.stack import NEW, made_by
from hibtest.errors import HostError
from hibtest.images import recipes
from hibtest.images.userspaces import BUSYBOX
from hibtest.spec import (
    Crypt,
    Delay,
    Filesystem,
    Flakey,
    GuestSpec,
    Integrity,
    Layout,
    Linear,
    MoveSwap,
    Multipath,
    Named,
    Origin,
    Raid1,
    ResumeSpec,
    Scenario,
    Snapshot,
    Striped,
    SwapDisk,
    SwapFile,
    SwapPartition,
    SwapZram,
    Thin,
    Volume,
)
from tests.cycle.jobs import ONE, files_in

LAYOUTS: tuple[Layout, ...] = (
    (SwapFile(size_mib=16),),
    (SwapDisk(size_mib=16, priority=1), SwapFile(size_mib=16)),
    (SwapDisk(size_mib=16, on=(Linear(), Crypt(), Volume())),),
    (SwapFile(size_mib=16, on=(Volume(), Crypt(sector_size=4096))),),
    (SwapFile(size_mib=16, pieces=100, filesystem=Filesystem.BTRFS),),
    (SwapPartition(size_mib=16, priority=3), SwapZram(size_mib=16)),
    (SwapDisk(size_mib=16, on=(Multipath(), Striped(), Raid1(), Flakey())),),
    (SwapDisk(size_mib=16, on=(Thin(provisioned=True), Delay(ms=5), Snapshot())),),
    (SwapFile(size_mib=16, on=(Origin(), Integrity())),),
)
TOOLS = {
    *("blkdiscard", "cryptsetup", "dmsetup", "e2image", "integritysetup", "lvm", "mke2fs"),
    "mkswap",
}
SCENARIOS = [
    *catalogue.scenarios(),
    *(replace(ONE, name=f"layout-{number}", layout=one) for number, one in enumerate(LAYOUTS)),
]
MKFS = ("mke2fs", "mkfs.xfs", "mkfs.btrfs")
_STEP = re.compile(r"^    (?:(?:echo|printf) .* \| )?(\S+)(?: (\S+))?", re.MULTILINE)


def words(template: str, applets: tuple[str, ...]) -> set[str]:
    """Return what a script that sources the plan can call."""
    defined = re.findall(r"^(\w+)\(\)", recipes.render(template), re.MULTILINE)
    return {":", "echo", "printf", *defined, *applets}


def functions(scenario: Scenario) -> tuple[str, str]:
    early, late = storage_of(scenario).script.split("late() {\n")
    return early.removeprefix("early() {\n"), late


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_the_script_is_shell_in_words_that_the_guest_has(scenario: Scenario) -> None:
    script = storage_of(scenario).script
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    early, late = functions(scenario)
    known = words(recipes.EARLY_INIT, recipes.EARLY_APPLETS)
    for word, first in _STEP.findall(early):
        assert word in known, word
        if word in {"tool", "if_new"}:
            assert first in TOOLS | set(MKFS)
    known = words("words.sh.j2", BUSYBOX.applets)
    steps = _STEP.findall(late)
    assert {word for word, _ in steps} <= known
    for word, first in steps:
        if word in {"if_fresh", "must"}:  # busybox would take a program of its own first
            assert first in {"chmod", "swapoff", *known} or first.startswith("/usr/")


def test_drivers_that_early_userspace_loads_are_in_the_initramfs() -> None:
    for layout in LAYOUTS:
        early, _ = functions(replace(ONE, layout=layout))
        for line in re.findall(r"^    drivers (.*)", early, re.MULTILINE):
            assert set(line.split()) <= set(recipes.MAPPER_DRIVERS)


def test_the_first_swap_alone_tells_its_offset() -> None:
    file = SwapFile(size_mib=16)
    _, late = functions(replace(ONE, layout=(file, file)))
    assert late.count("tell_offset") == 1
    assert "tell_offset /swap/file" in late
    _, late = functions(replace(ONE, layout=(SwapDisk(), file)))
    assert "tell_offset" not in late


def test_a_kernel_that_is_told_of_no_device_is_told_of_no_offset() -> None:
    untold = replace(ONE, layout=(SwapFile(size_mib=16),), resume=ResumeSpec(named=Named.NOT))
    _, late = functions(untold)
    assert "say_offset /swap/file /dev/disk/by-id/virtio-swap" in late
    assert "tell_offset" not in late


def test_a_file_that_is_made_anew_has_room_beside_the_old_one(tmp_path: Path) -> None:
    stays = replace(ONE, layout=(SwapFile(size_mib=200),))
    moved = replace(stays, before=(MoveSwap(),))
    sizes = []
    for scenario in (stays, moved):
        storage_of(scenario).make(files_in(tmp_path), tmp_path)
        sizes.append((tmp_path / "swap.raw").stat().st_size >> 20)
        (tmp_path / "swap.raw").unlink()
        (tmp_path / "plan.raw").unlink()
        (tmp_path / "root.qcow2").unlink(missing_ok=True)
    assert sizes == [264, 514]


def test_a_file_in_pieces_has_twice_its_room_and_is_looked_at() -> None:
    _, late = functions(replace(ONE, layout=(SwapFile(size_mib=64, pieces=100),)))
    assert "if_fresh fragmented /swap/file 64 100\n" in late
    assert late.index("use_swap /swap/file\n") < late.index("in_pieces /swap/file 100\n")


def test_a_disk_that_the_guest_is_to_make_begins_with_that(tmp_path: Path) -> None:
    storage_of(replace(ONE, layout=LAYOUTS[2])).make(files_in(tmp_path), tmp_path)
    disk = tmp_path / "swap.raw"
    assert disk.stat().st_size == 16 << 20
    assert disk.read_bytes().rstrip(b"\0") == NEW
    script = recipes.render(recipes.EARLY_INIT)
    assert f"bs={len(NEW) - 1} count=1" in script  # the shell drops the newline
    assert f"'{NEW.decode().strip()}'" in script


def test_a_filesystem_that_the_guest_is_to_fill_has_a_label_that_says_so(tmp_path: Path) -> None:
    storage_of(replace(ONE, layout=LAYOUTS[0])).make(files_in(tmp_path), tmp_path)
    disk = (tmp_path / "swap.raw").read_bytes()
    label = disk[1024 + 120 : 1024 + 136].rstrip(b"\0").decode()  # s_volume_name, fs/ext4/ext4.h
    assert label == recipes.VALUES["fresh_label"]


@pytest.mark.parametrize("kind", Filesystem)
def test_a_filesystem_that_was_filled_is_not_taken_for_a_fresh_one(kind: Filesystem) -> None:
    """It would be filled again in the next boot, and an image that waits in it be lost."""
    _, late = functions(replace(ONE, layout=(SwapFile(size_mib=16, filesystem=kind),)))
    [*_, last] = [line for line in late.splitlines() if "if_fresh" in line]
    assert "label" in last
    assert re.search(r"\bhibtest\b(?!-)", last), last


def test_a_root_that_lies_elsewhere_is_copied_there_by_the_guest(tmp_path: Path) -> None:
    hidden = replace(ONE, guest=GuestSpec(kernel="trixie", root=(Striped(), Crypt())))
    early, _ = functions(hidden)
    assert "    if_new e2image -ra /dev/disk/by-id/virtio-built /dev/mapper/root-crypt\n" in early
    files, storage = files_in(tmp_path), storage_of(hidden)
    storage.make(files, tmp_path)
    disks = {disk.serial: disk for disk in storage.disks(files, tmp_path)}
    assert disks["built"].readonly
    assert list(disks)[:3] == ["root", "root_b", "built"]
    for serial in ("root", "root_b"):
        assert disks[serial].path.read_bytes().rstrip(b"\0") == NEW
        assert disks[serial].path.stat().st_size > files.root.stat().st_size
    (stored,) = (one for one in storage.filesystems(files, tmp_path) if one.meant)
    assert (stored.disk.serial, len(stored.views)) == ("root", 2)


def test_two_paths_lead_to_one_file(tmp_path: Path) -> None:
    storage = storage_of(replace(ONE, layout=(SwapDisk(size_mib=16, on=(Multipath(),)),)))
    files = files_in(tmp_path)
    storage.make(files, tmp_path)
    paths = [disk for disk in storage.disks(files, tmp_path) if disk.shared]
    assert [disk.serial for disk in paths] == ["swap", "swap_path"]
    assert {disk.path for disk in paths} == {tmp_path / "swap.raw"}


def test_what_is_below_a_layer_on_two_is_there_for_each_with_names_of_its_own() -> None:
    deep = replace(ONE, layout=(SwapDisk(size_mib=16, on=(Linear(), Raid1(), Thin())),))
    early, _ = functions(deep)
    serials = re.findall(r"is_new /dev/disk/by-id/virtio-(\S+)", early)
    assert serials == ["swap", "swap_b1", "swap_meta2", "swap_meta2_b1"]
    made = re.findall(r"dmsetup create (\S+)", early)
    assert len(set(made)) == len(made)
    assert {"swap", "swap_b1", "swap_meta2", "swap_meta2_b1", "swap-raid1", "swap-thin"} <= set(
        made
    )


def test_a_program_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    make = made_by("mkswap --uuid none", 16)
    with pytest.raises(HostError, match=r"mkswap .*swap.raw: .*"):
        make(tmp_path / "swap.raw", files_in(tmp_path))


def test_two_of_a_kind_have_names_of_their_own() -> None:
    twice = (SwapDisk(on=(Linear(), Linear(), Volume(), Volume())), SwapDisk(on=(Linear(),)))
    early, _ = functions(replace(ONE, layout=twice))
    made = re.findall(r"(?:dmsetup create|vgcreate --devices \S+) (\S+)", early)
    assert made == ["swap", "swap_2", "vgswap", "vgswap_2", "swap2"]
