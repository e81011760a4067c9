"""Small disks with real filesystems on them, and damage that is planted there."""

import lzma
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

from hibtest import programs
from hibtest.cycle.filesystems.replay import Replayed
from hibtest.cycle.storage import Stored
from hibtest.machine.disk import overlay, sparse
from hibtest.machine.shape import Disk, DiskFormat
from hibtest.spec import Filesystem

# as a crash leaves it: a file is written to the journal alone
LOGGED = ("jo", "jw -b 300 FILE", "jc")
# in use, and not marked so; gone, and still named
DAMAGE = ("freei two", "clri three")
# a file that is open, and has no name any more, as the power goes
ORPHAN = ("sif two links_count 0", "sif two dtime 0", "ssv last_orphan 13", "unlink two")
# what the superblock says of free blocks, which the kernel does not keep right
STALE = ("ssv free_blocks_count 77", "ssv free_inodes_count 78")
# the kernel says so while it is mounted, where there is a file for orphans
MOUNTED = ("feature orphan_file orphan_present",)
MARKED = ("ssv state 3", "ssv error_count 3", "ssv first_error_func ext4_lookup")


def ext4(path: Path, *options: str, size_mib: int = 8) -> Path:
    """Make a disk with three files, whose inodes are 12 to 14."""
    data = path.with_name("data")
    data.write_bytes(bytes(range(256)) * 80)
    programs.run(["mke2fs", "-q", "-F", "-t", "ext4", *options, path, f"{size_mib}M"])
    debugfs(path, *(f"write {data} {name}" for name in ("one", "two", "three")))
    return path


def debugfs(path: Path, *commands: str) -> str:
    """Change a filesystem behind everybody's back."""
    data = path.with_name("data")
    asks = path.with_name("asks")
    asks.write_text("".join(f"{command.replace('FILE', str(data))}\n" for command in commands))
    done = subprocess.run(
        ["debugfs", "-w", "-f", asks, path],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": programs.path()},
    )
    return done.stdout


def raw(
    path: Path, before: Path | None = None, *, meant: Filesystem | None = Filesystem.EXT4
) -> Stored:
    """Return a raw disk of a run."""
    disk = Disk(serial="root", path=path, format=DiskFormat.RAW)
    return Stored(disk=disk, before=before, meant=meant)


def laid_on(base: Path, path: Path) -> Stored:
    """Return an overlay on a disk."""
    disk = Disk(serial="root", path=overlay(base, path), format=DiskFormat.QCOW2)
    return Stored(disk=disk, before=base, meant=Filesystem.EXT4)


HERE = Path(__file__).parent
_PIECE = 1 << 16


def xfs(path: Path) -> Path:
    """Make a disk as the guest does."""
    programs.run(["mkfs.xfs", "-q", "-f", "-i", "nrext64=0", sparse(path, 300)])
    return path


def btrfs(path: Path, data: bytes = b"") -> Path:
    """Make a disk as the guest does, with a file."""
    files = path.with_name("files")
    files.mkdir(exist_ok=True)
    (files / "one").write_bytes(data or bytes(range(256)) * 80)
    programs.run(["mkfs.btrfs", "-q", "-f", "--rootdir", files, sparse(path, 128)])
    return path


def logged(kind: Filesystem, path: Path) -> Path:
    """Return a disk as a machine left it whose power was cut: its log was not replayed.

    Linux 6.18 wrote them, mkfs of xfsprogs 6.1 and btrfs-progs 6.2 made them; 20 small files.
    """
    with lzma.open(HERE / f"logged.{kind}.xz") as packed, path.open("xb") as file:
        while piece := packed.read(_PIECE):
            if any(piece):
                file.write(piece)
            else:
                file.seek(len(piece), 1)
        file.truncate(file.tell())
    return path


def put(path: Path, at: int, data: bytes) -> None:
    """Write to a disk behind everybody's back."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def nobody() -> AbstractContextManager[Replayed]:
    """Replay nothing: there must be nothing to be replayed."""
    raise AssertionError("a log was to be replayed")
