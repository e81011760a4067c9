"""Exercises of storage: which filesystems and disks are exercised, and what is told."""

import fcntl
import os
from pathlib import Path

import pytest

from hibtest.probe import pages
from hibtest.probe.audit import storage
from hibtest.probe.base import Failed, Lacking
from tests.probe.tree import Tree

LINE = "{number} 1 254:{number} / {point} {mine},noatime - {kind} {source} {its}\n"


def mounts(tree: Tree, *lines: str) -> None:
    tree.put("/proc/self/mountinfo", "".join(lines))


def line(point: object, number: int = 1, source: str = "/dev/vda", **other: str) -> str:
    words = {"mine": "rw", "kind": "ext4", "its": "rw", **other}
    return LINE.format(point=point, number=number, source=source, **words)


def test_of_each_kernel_the_root_disk_is_written_to(recorded: Tree) -> None:
    # the modules' disk is read-only, the others are none
    assert storage.writable() == ["/"]


def test_each_filesystem_is_written_to_once(tree: Tree, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    mounts(
        tree,
        line(one), line(tmp_path / "again"), line(two, 2, "/dev/mapper/home"),
        line("/read", 3, mine="ro"), line("/fuse", 4, kind="fuseblk"), line("/tmp", 5, "tmpfs"),
    )  # fmt: skip
    assert storage.filesystems() == f"wrote and synced on {one}, {two}"
    assert list(one.iterdir()) == list(two.iterdir()) == []


def test_a_filesystem_that_cannot_be_written_is_an_error(tree: Tree, tmp_path: Path) -> None:
    mounts(tree, line(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match="gone"):
        storage.filesystems()


def test_a_guest_may_have_no_disk(tree: Tree) -> None:
    mounts(tree, line("/", source="tmpfs"))
    with pytest.raises(Lacking, match="no filesystem on a disk"):
        storage.filesystems()


def test_what_is_written_back_leaves_nothing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bytes] = []
    path = run.parent / "disk" / "writeback"
    monkeypatch.setattr(os, "sync", lambda: synced.append(path.read_bytes()))
    assert storage.writeback() == "sync came back"
    assert synced == [pages.content(16, 40)]
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "size", "exercised"),
    [("vda", "2097152", True), ("nvme0n1", "8", True), ("dm-0", "8", True), ("vdb", "0", False),
     ("loop0", "8", False), ("zram0", "8", False), ("sr0", "8", False), ("fd0", "8", False),
     ("ram1", "8", False), ("vdc", "", False)],
)  # fmt: skip
def test_which_disks_are_read(tree: Tree, name: str, size: str, exercised: bool) -> None:
    tree.put(f"/sys/block/{name}/size", f"{size}\n")
    assert storage.real(name) is exercised


def disk(tree: Tree, monkeypatch: pytest.MonkeyPatch, size: int) -> list[tuple[set[int], int]]:
    """Have a disk; return what is read of it: (the CPUs allowed, the offset)."""
    tree.put("/sys/block/vda/size", f"{max(size // 512, 1)}\n")
    tree.put("/sys/block/loop0/size", "8\n")
    tree.put("/sys/devices/system/cpu/online", "0-2\n")
    tree.put("/dev/vda", bytes(size))
    found: list[tuple[set[int], int]] = []
    bound: list[set[int]] = []
    real_read = os.preadv

    def read(fd: int, buffers: list[bytearray], offset: int) -> int:
        found.append((bound[-1], offset))
        return real_read(fd, buffers, offset)

    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cpus: bound.append(set(cpus)))
    monkeypatch.setattr(os, "preadv", read)
    monkeypatch.setattr(os, "O_DIRECT", 0)  # what a tmpfs refuses before 6.6
    return found


def test_each_cpu_reads_a_page_of_its_own(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    found = disk(tree, monkeypatch, 2 * pages.SIZE)
    assert storage.disks() == "read vda on CPUs [0, 1, 2]"
    # the third would lie behind the end
    assert found == [({0}, 0), ({1}, pages.SIZE), ({2}, 0)]


def test_a_disk_that_gives_nothing_fails(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    disk(tree, monkeypatch, 0)
    with pytest.raises(Failed, match="CPU 0 read nothing of vda"):
        storage.disks()


def test_a_guest_may_have_loop_devices_only(tree: Tree) -> None:
    tree.put("/sys/block/loop0/size", "8\n")
    with pytest.raises(Lacking, match="no disks"):
        storage.disks()


def test_a_kernel_may_have_no_loop_devices(tree: Tree, run: Path) -> None:
    with pytest.raises(Lacking, match="no loop devices: No such file"):
        storage.loop()
    assert list(run.iterdir()) == []


@pytest.mark.parametrize("spoilt", [False, True])
def test_a_loop_device_gives_back_what_it_was_given(
    tree: Tree, run: Path, monkeypatch: pytest.MonkeyPatch, spoilt: bool
) -> None:
    tree.put("/dev/loop-control", "")
    tree.put("/dev/loop7", "")
    asked: list[int] = []

    def ioctl(_fd: int, request: int, *_: int) -> int:
        asked.append(request)
        return 7

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    if spoilt:
        monkeypatch.setattr(os, "pread", lambda _fd, size, _at: bytes(size))
        with pytest.raises(Failed, match="/dev/loop7 gave back other data"):
            storage.loop()
    else:
        assert storage.loop() == "wrote and read /dev/loop7"
        assert tree.at("/dev/loop7").read_bytes() == pages.content(4, 41)
    assert asked == [storage.LOOP_CTL_GET_FREE, storage.LOOP_SET_FD, storage.LOOP_CLR_FD]
    assert list(run.iterdir()) == []
