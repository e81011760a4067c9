"""Witnesses in memory: planted for real, a byte changed, and looked at again."""

import ctypes
import gc
import mmap
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from hibtest.probe import pages, procfs, syscalls
from hibtest.probe.base import Lacking, Planted
from hibtest.probe.witnesses import memory
from tests.probe.tree import Tree
from tests.probe.witnesses.looking import Looked

IN_MEMORY = {"memory": memory.anonymous, "shared-memory": memory.shared,
             "locked-memory": memory.locked}  # fmt: skip


def locked_kib() -> int:
    return procfs.kib("/proc/self/status", "VmLck")


def huge_kib() -> int:
    return procfs.kib("/proc/self/smaps_rollup", "AnonHugePages")


@pytest.fixture
def areas(monkeypatch: pytest.MonkeyPatch) -> list[mmap.mmap]:
    """The areas that are mapped from now on; what earlier tests have locked is gone."""
    gc.collect()
    found: list[mmap.mmap] = []
    real = mmap.mmap

    class Watched(real):  # type: ignore[misc, valid-type]
        def __init__(self, *_: object, **__: object) -> None:
            found.append(self)

    monkeypatch.setattr(mmap, "mmap", Watched)
    return found


@pytest.mark.parametrize(("name", "plant"), IN_MEMORY.items())
def test_a_byte_that_changed_is_found(
    areas: list[mmap.mmap], name: str, plant: Callable[[], Planted]
) -> None:
    witness = Looked(name, plant)
    area = areas[0]
    assert witness.planted["pages"] == len(area) // pages.SIZE
    for at in (0, len(area) // 2, len(area) - 1):
        area[at] ^= 0x10
        assert len(witness.wrong()) == 1
        assert f"1 of {witness.planted['pages']} pages differ" in witness.wrong()[0]
        assert f"the first is page {at // pages.SIZE} " in witness.wrong()[0]
        area[at] ^= 0x10
        assert witness.wrong() == ()


def test_pages_that_changed_places_are_found(areas: list[mmap.mmap]) -> None:
    witness = Looked("shared-memory", memory.shared)
    one, other = slice(pages.SIZE, 2 * pages.SIZE), slice(17 * pages.SIZE, 18 * pages.SIZE)
    areas[0][one], areas[0][other] = areas[0][other], areas[0][one]
    assert [number for number, _, _ in witness.found()["named"]] == [1, 17]


def test_memory_that_is_locked_no_more_is_found(areas: list[mmap.mmap]) -> None:
    # the process may hold more that is locked
    other = locked_kib()
    witness = Looked("locked-memory", memory.locked)
    assert witness.planted["locked_kib"] == other + 1024
    start = ctypes.c_void_p(syscalls.address(areas[0]))
    syscalls.check(syscalls.LIBC.munlock(start, ctypes.c_size_t(pages.SIZE)), "munlock")
    assert witness.wrong() == (f"locked_kib was {other + 1024}, is {other + 1020}",)


def test_a_file_on_a_tmpfs(run: Path) -> None:
    witness = Looked("tmpfs", memory.tmpfs)
    path = Path(witness.planted["path"])
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    assert "1 of 256 pages differ, the first is page 255 " in witness.wrong()[0]
    path.write_bytes(data + b"\0")
    assert "the first is page 256 " in witness.wrong()[0]
    path.unlink()
    with pytest.raises(FileNotFoundError):
        witness.found()


def test_what_the_disk_holds_is_looked_at_past_the_cache(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = Looked("page-cache", memory.page_cache)
    assert witness.planted["resident"] == 256
    assert witness.found()["disk"]["differing"] == 0
    path = Path(witness.planted["path"])
    real = os.preadv

    def spoilt(fd: int, buffers: list[mmap.mmap], offset: int) -> int:
        count = real(fd, buffers, offset)
        buffers[0][7 * pages.SIZE] ^= 1
        return count

    with monkeypatch.context() as patch:
        patch.setattr(os, "preadv", spoilt)
        assert "on disk: 1 of 256 pages differ, the first is page 7 " in witness.wrong()[0]
    path.rename(path.with_name("gone"))
    assert witness.wrong()[0].startswith("disk could not be read: [Errno 2]")


def test_a_cached_page_that_changed_is_told_apart_from_the_disk(
    areas: list[mmap.mmap], run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = Looked("page-cache", memory.page_cache)
    monkeypatch.setattr(memory, "uncached", lambda *_: {**witness.planted, "named": []})
    areas[0][0] ^= 1
    assert witness.wrong()[0].startswith("1 of 256 pages differ, the first is page 0 ")


def test_pages_on_swap_are_counted(tree: Tree) -> None:
    out, there, start = 1 << 62 | 5, 1 << 63 | 5, 64
    entries = [out, 0, out | 1 << 61, there, out]
    tree.put("/proc/self/pagemap", bytes(8 * start) + struct.pack("<5Q", *entries))
    assert memory.swapped_pages(start * pages.SIZE, 5) == 3
    assert memory.swapped_pages(start * pages.SIZE, 4) == 2
    assert memory.swapped_pages((start + 1) * pages.SIZE, 3) == 1
    assert memory.swapped_pages((start + 9) * pages.SIZE, 3) == 0


def test_pages_that_came_back_from_swap_are_found(
    recorded: Tree, areas: list[mmap.mmap], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = iter([256, 256, 0, 256])
    monkeypatch.setattr(memory, "swapped_pages", lambda *_: next(counts))
    witness = Looked("swapped-memory", memory.swapped)
    assert witness.planted["swapped"] == 256
    assert witness.found()["swapped"] == 0
    areas[0][0] ^= 1
    assert "1 of 256 pages differ" in witness.wrong()[0]


@pytest.mark.parametrize("text", [None, "", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"])
def test_without_swap_there_is_nothing_to_plant(tree: Tree, text: str | None) -> None:
    if text is not None:
        tree.put("/proc/swaps", text)
    with pytest.raises(Lacking, match=r"no /proc/swaps|no swap is on"):
        memory.swapped()


def test_sizes_of_a_process_are_read_or_none(tree: Tree) -> None:
    assert huge_kib() == 0
    tree.put("/proc/self/smaps_rollup", "00400000-7ffce5568000 ---p\nRss:  8 kB\n")
    assert huge_kib() == 0
    tree.put("/proc/self/smaps_rollup", "Rss:  8 kB\nAnonHugePages:      8192 kB\nSwap: 0 kB\n")
    assert huge_kib() == 8192
    tree.put("/proc/self/status", "Name:\tsh\nVmLck:\t    1024 kB\nVmPin:\t       4 kB\n")
    assert locked_kib() == 1024
    tree.put("/proc/self/status", "Name:\tkthreadd\n")
    assert locked_kib() == 0


def test_each_kernel_tells_the_sizes_of_a_process(recorded: Tree) -> None:
    assert huge_kib() == locked_kib() == 0
    recorded.edit("/proc/self/status", "VmLck:\t       0", "VmLck:\t    2048")
    assert locked_kib() == 2048
