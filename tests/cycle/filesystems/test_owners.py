"""Which files lie where a disk was written to, on a real filesystem."""

from pathlib import Path

from hibtest.cycle.filesystems import written
from tests.cycle.filesystems.disks import LOGGED, debugfs, ext4, raw

PIECE = 1 << 16


def places(disk: Path, inode: int) -> list[int]:
    """Return where the pieces begin in which a file lies."""
    blocks = debugfs(disk, f"blocks <{inode}>").splitlines()[1].split()
    return sorted({int(block) * 1024 // PIECE * PIECE for block in blocks})


def test_the_file_that_was_written_to_last_is_named_first(tmp_path: Path) -> None:
    disk = ext4(tmp_path / "root.raw")
    debugfs(disk, "sif two ctime 20300101000000", "sif one ctime 20200101000000")
    debugfs(disk, "sif three ctime 20250101000000")
    spots = [place for inode in (12, 13, 14) for place in places(disk, inode)]
    assert written(raw(disk), spots, PIECE, tmp_path)[:3] == ("/two", "/three", "/one")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"root.raw", "data", "asks"}


def test_a_file_that_only_the_journal_has_is_found(tmp_path: Path) -> None:
    """Its name was written to the journal, and not yet to its directory."""
    disk = ext4(tmp_path / "root.raw")
    spots = places(disk, 8)
    debugfs(disk, *LOGGED)
    assert "the journal" in written(raw(disk), spots, PIECE, tmp_path)


def test_where_no_file_lies_none_is_named(tmp_path: Path) -> None:
    disk = ext4(tmp_path / "root.raw")
    assert written(raw(disk), [7 << 20], PIECE, tmp_path) == ()


def test_what_is_no_ext4_has_no_files(tmp_path: Path) -> None:
    disk = tmp_path / "root.raw"
    disk.write_bytes(bytes(1 << 20))
    assert written(raw(disk), [0], PIECE, tmp_path) == ()
