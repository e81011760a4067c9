"""The filesystems of a run, on real disks: overlays, copies, and what stood there before."""

from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.cycle.filesystems import disks, look, require_programs
from hibtest.cycle.filesystems.kinds import KINDS
from hibtest.cycle.filesystems.tool import Ran, Told
from hibtest.cycle.storage.stack import NEW
from hibtest.errors import HostError
from hibtest.programs import run
from tests.cycle.filesystems.disks import DAMAGE, LOGGED, STALE, debugfs, ext4, laid_on, nobody, raw


def written_over(path: Path, source: Path) -> None:
    """Have an overlay hold what a raw disk holds."""
    run(["qemu-img", "convert", "-n", "-f", "raw", "-O", "qcow2", source, path])


def test_an_overlay_is_looked_at_with_what_it_lies_on_and_left_as_it_is(tmp_path: Path) -> None:
    base = ext4(tmp_path / "base.ext4")
    stored = laid_on(base, tmp_path / "root.qcow2")
    changed = tmp_path / "changed.raw"
    changed.write_bytes(base.read_bytes())
    debugfs(changed, *LOGGED, *STALE)
    written_over(stored.disk.path, changed)
    before = stored.disk.path.read_bytes()
    (check,) = look([stored], tmp_path, nobody)
    assert (check.disk, check.kind, check.count, check.lacking) == ("root", "ext4", 0, "")
    assert stored.disk.path.read_bytes() == before
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"base.ext4", "root.qcow2", "changed.raw", "data", "asks"}


def test_damage_is_counted_and_kept_for_people(tmp_path: Path) -> None:
    base = ext4(tmp_path / "base.ext4")
    stored = laid_on(base, tmp_path / "root.qcow2")
    changed = tmp_path / "changed.raw"
    changed.write_bytes(base.read_bytes())
    debugfs(changed, *DAMAGE)
    written_over(stored.disk.path, changed)
    (check,) = look([stored], tmp_path, nobody)
    assert check.count == 5
    assert check.problems[0] == "Entry 'three' in / (2) has deleted/unused inode 14."
    kept = (tmp_path / "filesystem-root.txt").read_text()
    assert "$ e2fsck -fn " in kept
    assert "has deleted/unused inode 14.  Clear? no" in kept


def test_what_was_wrong_before_the_run_does_not_count(tmp_path: Path) -> None:
    base = ext4(tmp_path / "base.ext4")
    debugfs(base, "clri three")
    after = tmp_path / "root.raw"
    after.write_bytes(base.read_bytes())
    (check,) = look([raw(after, base)], tmp_path, nobody)
    assert check.count == 0
    assert check.before > 0
    debugfs(after, "clri two")
    (check,) = look([raw(after, base)], tmp_path, nobody)
    assert "Entry 'two' in / (2) has deleted/unused inode 13." in check.problems
    assert "Entry 'three' in / (2) has deleted/unused inode 14." not in check.problems
    assert "Before the run:" in (tmp_path / "filesystem-root.txt").read_text()


def test_a_filesystem_that_is_gone_is_missed(tmp_path: Path) -> None:
    base, after = ext4(tmp_path / "base.ext4"), tmp_path / "root.raw"
    after.write_bytes(bytes(8 << 20))
    (check,) = look([raw(after, base)], tmp_path, nobody)
    assert (check.kind, check.problems) == ("ext4", ("its superblock is gone",))


def test_what_never_had_a_filesystem_is_not_damaged(tmp_path: Path) -> None:
    base, after = tmp_path / "base.raw", tmp_path / "root.raw"
    for path in (base, after):
        path.write_bytes(b"root".ljust(1 << 20, b"\0"))
    (check,) = look([raw(after, base)], tmp_path, nobody)
    assert (check.kind, check.count, check.lacking) == ("", 0, "")
    assert look([raw(after, meant=None)], tmp_path, nobody) == ()


def test_what_the_guest_never_came_to_make_is_not_damaged(tmp_path: Path) -> None:
    disk = tmp_path / "swap.raw"
    disk.write_bytes(NEW.ljust(1 << 20, b"\0"))
    (check,) = look([raw(disk)], tmp_path, nobody)
    assert (check.kind, check.count) == ("", 0)
    disk.write_bytes(bytes(1 << 20))
    (check,) = look([raw(disk)], tmp_path, nobody)
    assert check.problems == ("its superblock is gone",)


def test_a_kind_that_nothing_here_looks_at_is_told(tmp_path: Path) -> None:
    disk = tmp_path / "scratch.raw"
    disk.write_bytes(bytes(1024) + b"\xe2\xe1\xf5\xe0".ljust(1 << 20, b"\0"))
    (check,) = look([raw(disk, meant=None)], tmp_path, nobody)
    assert check.kind == "an EROFS file system"
    assert check.lacking == "hibtest has no check for it"


def test_a_disk_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    stored = laid_on(ext4(tmp_path / "base.ext4"), tmp_path / "root.qcow2")
    stored.disk.path.write_bytes(b"QFI\xfb of another kind")
    (check,) = look([stored], tmp_path, nobody)
    assert (check.kind, check.count) == ("", 0)
    assert "root.qcow2 could not be copied" in check.lacking


def test_what_is_told_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = Ran(command="e2fsck", status=4, text="", cut=True)
    much = Told(problems=tuple(f"{n} {'x' * 5000}" for n in range(3000)), ran=(cut,))
    what, kind = next(iter(KINDS.items()))
    loud = {what: replace(kind, after=lambda *_: much)}
    monkeypatch.setattr(disks, "KINDS", loud)
    base = ext4(tmp_path / "base.ext4")
    (check,) = look([raw(base, base)], tmp_path, nobody)
    assert (check.count, check.more, len(check.problems)) == (3000, True, 20)
    assert {len(problem) for problem in check.problems} == {300}


def test_a_host_without_e2fsck_is_told_before_anything_is_booted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = raw(tmp_path / "root.raw")
    require_programs([stored])
    monkeypatch.setattr("hibtest.programs.find", lambda _: None)
    require_programs([replace(stored, meant=None)])
    with pytest.raises(HostError, match="e2fsck not found") as caught:
        require_programs([stored])
    assert caught.value.hint == "apt-get install e2fsprogs"
