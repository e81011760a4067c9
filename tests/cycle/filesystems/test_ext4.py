"""e2fsck on real filesystems: what a machine that was cut off leaves, and what is damage."""

import re
from pathlib import Path

import pytest

from hibtest.cycle.filesystems.ext4 import told, told_of_copy
from hibtest.deadline import Deadline
from tests.cycle.filesystems.disks import (
    DAMAGE,
    LOGGED,
    MARKED,
    MOUNTED,
    ORPHAN,
    STALE,
    debugfs,
    ext4,
)


def soon() -> Deadline:
    """Return time enough."""
    return Deadline.after(60, "e2fsck")


@pytest.mark.parametrize("left", [(), LOGGED, ORPHAN, STALE, (*LOGGED, *ORPHAN, *STALE)])
def test_what_a_machine_leaves_that_is_cut_off_is_no_damage(
    left: tuple[str, ...], tmp_path: Path
) -> None:
    disk = ext4(tmp_path / "disk.raw")
    debugfs(disk, *left)
    found = told_of_copy(disk, soon())
    assert (found.problems, found.lacking, found.more) == ((), "", False)


@pytest.mark.parametrize("damage", [(), DAMAGE])
def test_that_it_was_mounted_is_no_damage(damage: tuple[str, ...], tmp_path: Path) -> None:
    disk = ext4(tmp_path / "disk.raw", "-O", "orphan_file")
    debugfs(disk, *MOUNTED, *STALE, *damage)
    found = told_of_copy(disk, soon())
    assert bool(found.problems) is bool(damage)
    assert "orphan_present" not in "".join(found.problems)


def test_the_journal_is_replayed(tmp_path: Path) -> None:
    disk = ext4(tmp_path / "disk.raw")
    debugfs(disk, *LOGGED)
    wanted = (tmp_path / "data").read_bytes()[:1024]
    at = slice(300 * 1024, 301 * 1024)
    assert disk.read_bytes()[at] != wanted
    assert told_of_copy(disk, soon()).problems == ()
    assert disk.read_bytes()[at] == wanted


def test_damage_is_told_in_e2fsck_s_words_without_its_questions(tmp_path: Path) -> None:
    disk = ext4(tmp_path / "disk.raw")
    debugfs(disk, *DAMAGE)
    problems = told_of_copy(disk, soon()).problems
    assert problems == (
        "Entry 'three' in / (2) has deleted/unused inode 14.",
        "Entry 'three' in / (2) has an incorrect filetype (was 1, should be 0).",
        problems[2],
        "Inode bitmap differences:  +13 -14",
        "Free inodes count wrong for group #0 (2034, counted=2035).",
    )
    assert problems[2].startswith("Block bitmap differences:")


def test_a_name_that_is_lost_is_told(tmp_path: Path) -> None:
    disk = ext4(tmp_path / "disk.raw")
    debugfs(disk, "unlink two")
    assert "Unattached inode 13" in told_of_copy(disk, soon()).problems


def test_a_journal_that_is_none_is_damage(tmp_path: Path) -> None:
    disk = ext4(tmp_path / "disk.raw")
    debugfs(disk, *LOGGED)
    first = int(re.findall(r"^\d+", debugfs(disk, "blocks <8>"), re.MULTILINE)[0])
    with disk.open("r+b") as file:
        file.seek(first * 1024)
        file.write(bytes(8))
    found = told_of_copy(disk, soon())
    assert "Superblock has an invalid journal (inode 8)" in found.problems[0]


def test_what_the_kernel_has_noted_is_damage(tmp_path: Path) -> None:
    disk = ext4(tmp_path / "disk.raw")
    debugfs(disk, *MARKED)
    (problem,) = told_of_copy(disk, soon()).problems
    assert problem == (
        "it is marked as having errors; the kernel noted 3, the first in ext4_lookup() line 0"
    )


def test_a_filesystem_that_is_gone_is_damage(tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    disk.write_bytes(bytes(8 << 20))
    found = told_of_copy(disk, soon())
    assert found.problems == ("its superblock is gone",)


def test_of_a_superblock_that_is_gone_its_copies_tell_more(tmp_path: Path) -> None:
    disk = ext4(tmp_path / "disk.raw", size_mib=16)
    with disk.open("r+b") as file:
        file.seek(1024)
        file.write(bytes(1024))
    first, *others = told_of_copy(disk, soon()).problems
    assert first == "its superblock is gone"
    assert any("does not match checksum" in problem for problem in others)


def test_a_disk_that_is_only_looked_at_stays_as_it_is(tmp_path: Path) -> None:
    disk = ext4(tmp_path / "disk.raw")
    debugfs(disk, *LOGGED, *DAMAGE)
    before = disk.read_bytes()
    assert told(disk, soon()).problems
    assert disk.read_bytes() == before


def test_a_look_that_did_not_end_is_lacking(tmp_path: Path) -> None:
    disk = ext4(tmp_path / "disk.raw")
    found = told(disk, Deadline.after(0, "e2fsck"))
    assert (found.lacking, found.problems) == ("e2fsck did not end in time", ())


def test_what_this_e2fsck_does_not_know_is_lacking_and_no_damage(tmp_path: Path) -> None:
    disk = ext4(tmp_path / "disk.raw")
    debugfs(disk, *LOGGED, "ssv feature_incompat 0x800002c6")
    found = told_of_copy(disk, soon())
    assert found.problems == ()
    assert found.lacking == "e2fsck ended with 8: e2fsck: Get a newer version of e2fsck!"
