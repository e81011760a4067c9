"""XFS and Btrfs as the host looks at them: on real disks, damaged ones among them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hibtest import programs
from hibtest.cycle.filesystems import look
from hibtest.cycle.filesystems.kinds import KINDS
from hibtest.cycle.filesystems.replay import Replayed
from hibtest.cycle.filesystems.tool import Told
from hibtest.deadline import Deadline
from hibtest.spec import Filesystem
from tests.cycle.filesystems.disks import btrfs, logged, nobody, put, raw, xfs

OTHERS = (Filesystem.XFS, Filesystem.BTRFS)
MAKE: dict[Filesystem, Callable[[Path], Path]] = {Filesystem.XFS: xfs, Filesystem.BTRFS: btrfs}
SUPERBLOCK = {Filesystem.XFS: 0, Filesystem.BTRFS: 0x10000}
DATA = b"what is in a file of its own " * 400


def told(kind: Filesystem, disk: Path, seconds: float = 60) -> Told:
    return KINDS[kind].after(disk, Deadline.after(seconds, "the look"))


@pytest.mark.parametrize("kind", OTHERS)
def test_a_new_one_is_whole_and_stays_as_it_is(kind: Filesystem, tmp_path: Path) -> None:
    disk = MAKE[kind](tmp_path / "data.raw")
    disk.chmod(0o400)
    before = disk.stat()
    found = told(kind, disk)
    assert (found.problems, found.lacking, found.logged) == ((), "", False)
    assert disk.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("kind", OTHERS)
def test_one_that_is_gone_is_damage_of_the_kind_that_was_made(
    kind: Filesystem, tmp_path: Path
) -> None:
    disk = MAKE[kind](tmp_path / "data.raw")
    put(disk, SUPERBLOCK[kind], bytes(4096))
    (check,) = look([raw(disk, meant=kind)], tmp_path, nobody)
    assert (check.kind, check.problems[0]) == (kind, "its superblock is gone")
    disk.write_bytes(bytes(1 << 20))
    (check,) = look([raw(disk, meant=kind)], tmp_path, nobody)
    assert (check.kind, check.problems[0]) == (kind, "its superblock is gone")


def test_damage_of_xfs_is_told_without_what_would_be_done(tmp_path: Path) -> None:
    disk = xfs(tmp_path / "data.raw")
    programs.run(["xfs_db", "-x", "-c", "sb 0", "-c", "write -d rootino 99", disk])
    found = told(Filesystem.XFS, disk)
    assert "sb root inode value 99 inconsistent with calculated value 128" in found.problems
    assert not any(problem.startswith("would") for problem in found.problems)
    assert not any("0x55" in problem for problem in found.problems)


def test_data_of_btrfs_that_is_another_is_damage(tmp_path: Path) -> None:
    disk = btrfs(tmp_path / "data.raw", DATA)
    put(disk, disk.read_bytes().index(DATA[:4096]) + 5000, b"X")
    first, *_ = told(Filesystem.BTRFS, disk).problems
    assert first.startswith("mirror 1 bytenr ")
    (check,) = look([raw(disk, meant=Filesystem.BTRFS)], tmp_path, nobody)
    assert check.count > 0
    assert "$ btrfs check --readonly" in (tmp_path / "filesystem-root.txt").read_text()


@pytest.mark.parametrize("kind", OTHERS)
def test_a_log_that_only_a_kernel_replays_is_no_damage(kind: Filesystem, tmp_path: Path) -> None:
    found = told(kind, logged(kind, tmp_path / "data.raw"))
    assert (found.logged, found.problems, found.lacking) == (True, (), "")


@pytest.mark.parametrize("kind", OTHERS)
def test_it_is_looked_at_once_its_log_is_replayed(kind: Filesystem, tmp_path: Path) -> None:
    disk = logged(kind, tmp_path / "data.raw")
    place = tmp_path / "copies"
    place.mkdir()
    times = []

    @contextmanager
    def replay() -> Iterator[Replayed]:
        times.append(1)
        MAKE[kind](place / disk.name)
        yield Replayed(directory=place)

    (check,) = look([raw(disk, meant=kind)], tmp_path, replay)
    assert (check.kind, check.count, check.lacking, times) == (kind, 0, "", [1])


@pytest.mark.parametrize(
    ("of", "lacking", "count"),
    [
        ({"damage": "the guest's kernel cannot mount it: no"}, "", 1),
        ({"lacking": "the boot that was to replay its log: no"}, "the boot that was to", 0),
        ({}, "its log is not empty once", 0),
    ],
)
def test_a_log_that_was_not_replayed_is_never_passed_over(
    of: dict[str, str], lacking: str, count: int, tmp_path: Path
) -> None:
    disk = logged(Filesystem.BTRFS, tmp_path / "data.raw")

    @contextmanager
    def replay() -> Iterator[Replayed]:
        yield Replayed(directory=tmp_path, **of)

    (check,) = look([raw(disk, meant=Filesystem.BTRFS)], tmp_path, replay)
    assert (check.count, check.lacking.startswith(lacking)) == (count, True)
    assert bool(check.lacking) is bool(lacking)


@pytest.mark.parametrize("kind", OTHERS)
def test_a_look_that_did_not_end_is_lacking(kind: Filesystem, tmp_path: Path) -> None:
    found = told(kind, MAKE[kind](tmp_path / "data.raw"), seconds=0)
    assert (found.problems, found.lacking.endswith("did not end in time")) == ((), True)


def test_what_this_program_does_not_know_is_lacking_and_no_damage(tmp_path: Path) -> None:
    disk = xfs(tmp_path / "data.raw")
    value = "write -d features_incompat 0x10000b"
    programs.run(["xfs_db", "-x", "-c", "sb 0", "-c", value, disk])
    found = told(Filesystem.XFS, disk)
    assert (found.problems, "does not know all of it" in found.lacking) == ((), True)
