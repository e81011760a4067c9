"""An image in the slots of a swap."""

import os
import struct
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from hibtest.agent import target
from hibtest.agent.errors import AgentError, BadImage, NoImage
from hibtest.agent.guardian.journal import Journal
from hibtest.agent.image.format import COMMITTED, USED, Record
from hibtest.agent.target import swap, swaps
from hibtest.agent.target.block import open_block
from hibtest.agent.target.swap import SwapSink, SwapSource, open_swap
from tests.agent.bench import PAGE, content, device, restore, save, scattered, swap_in_use

HEAD = "Filename\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


@pytest.fixture
def area(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "swap"
    path.write_bytes(bytes(16 << 20))
    with swap_in_use(path):
        yield path


@pytest.mark.parametrize("early", [True, False])
def test_what_was_saved_is_loaded(area: Path, tmp_path: Path, early: bool) -> None:
    stream = tmp_path / "stream"
    stream.write_bytes(content(1000))
    before = area.read_bytes()[:PAGE]
    with device(stream, scattered()) as snapshot:
        save(SwapSink("", 32, early=early), snapshot, compress="none")
    header = area.read_bytes()[:PAGE]
    assert header[-10:] == b"ULSUSPEND\0"
    assert header[: -10 - 26] == before[: -10 - 26]  # all that swapon reads is as it was
    assert restore(open_swap(str(area)), tmp_path / "out") == stream.read_bytes()


def test_a_used_image_leaves_a_swap(area: Path, tmp_path: Path) -> None:
    stream = tmp_path / "stream"
    stream.write_bytes(content(10))
    with device(stream, scattered()) as snapshot:
        save(SwapSink("", 32, early=False), snapshot)
    source = open_swap(str(area))
    source.mark(USED)
    source.close()
    assert area.read_bytes()[PAGE - 10 : PAGE] == b"SWAPSPACE2"
    with pytest.raises(NoImage, match="SWAPSPACE2"):
        open_swap(str(area))
    assert Record.unpack(SwapSource(open_block(str(area)), used=True).record()).state == USED


def test_until_the_commit_it_is_a_swap(area: Path, tmp_path: Path) -> None:
    with device(tmp_path / "stream", scattered()) as snapshot:
        sink = SwapSink("", 32, early=False)
        sink.prepare(snapshot, 10, Journal())
        sink.write(bytes(1 << 20))
        sink.close()
    with pytest.raises(NoImage):
        open_swap(str(area))


def test_slots_that_run_out_are_named(area: Path, tmp_path: Path) -> None:
    stream = tmp_path / "stream"
    stream.write_bytes(content(1000))

    with (
        device(stream, iter([PAGE, 2 * PAGE])) as snapshot,
        pytest.raises(AgentError, match="ENOSPC"),
    ):
        save(SwapSink("", 32, early=False), snapshot)


def map_page(*extents: tuple[int, int], following: int = 0) -> bytes:
    """Return a page of a map."""
    words = (following, len(extents), *chain(*extents))
    return struct.pack(f"<{len(words)}Q", *words).ljust(PAGE, b"\0")


def chained(area: Path, first: int, pages: dict[int, bytes]) -> Path:
    """Have the swap's header lead to a map that begins at an offset."""
    with area.open("r+b") as disk:
        page = disk.read(PAGE)
        disk.seek(0)
        header = swap._HEADER.pack(first, 2 * PAGE, page[-10:], swap.SIGNATURE)
        disk.write(page[: -len(header)] + header)
        for offset, held in pages.items():
            disk.seek(offset)
            disk.write(held)
    return area


@pytest.mark.parametrize("at", [1, 1 << 40, 1 << 63, (1 << 64) - PAGE])
def test_a_map_that_leads_nowhere_is_refused(area: Path, at: int) -> None:
    with pytest.raises(BadImage, match=f"map has 4096 bytes at {at}, of a device of"):
        open_swap(str(chained(area, at, {}))).read(1)


@pytest.mark.parametrize("to", [PAGE, 2 * PAGE, 3 * PAGE])
def test_a_map_that_goes_in_a_circle_is_refused(area: Path, to: int) -> None:
    pages = {PAGE: map_page(following=3 * PAGE), 3 * PAGE: map_page(following=to)}
    with pytest.raises(BadImage, match="a second time"):
        open_swap(str(chained(area, PAGE, pages))).read(1)


@pytest.mark.parametrize(
    "extent",
    [
        (1 << 63, PAGE),
        ((1 << 64) - PAGE, PAGE),
        (8192, (1 << 64) - PAGE),
        (4097, PAGE),
        (8192, 5),
        (4 * PAGE, 0),
        (16 << 20, PAGE),
        (0, 32 << 20),
    ],
)
def test_an_extent_that_is_no_part_of_the_device_is_refused(
    area: Path, extent: tuple[int, int]
) -> None:
    with pytest.raises(BadImage, match="of a device of 16777216"):
        open_swap(str(chained(area, PAGE, {PAGE: map_page(extent)}))).read(1)


@pytest.mark.parametrize(
    "extents",
    [
        ((4 * PAGE, PAGE), (4 * PAGE, PAGE)),
        ((4 * PAGE, 9 * PAGE), (9 * PAGE, PAGE)),
        ((0, PAGE),),
        ((PAGE, PAGE),),
        ((2 * PAGE, PAGE),),
        ((3 * PAGE, 2048 * PAGE),) * 2,
    ],
    ids=["twice", "over", "header", "map", "record", "many"],
)
def test_a_page_that_comes_twice_is_refused(
    area: Path, extents: tuple[tuple[int, int], ...]
) -> None:
    with pytest.raises(BadImage, match="a second time"):
        open_swap(str(chained(area, PAGE, {PAGE: map_page(*extents)}))).read(16 << 20)


def test_a_giant_extent_of_a_giant_file_ends_soon(area: Path) -> None:
    os.truncate(area, 1 << 43)  # 8 TiB, all of it a hole
    extents = [(4 * PAGE, (1 << 43) - 4 * PAGE)]
    with pytest.raises(BadImage, match="more than 1048576 places"):
        open_swap(str(chained(area, PAGE, {PAGE: map_page(*extents)}))).read(1)


@pytest.mark.parametrize("where", ["@5", "@99999999999999"])
def test_an_offset_that_holds_no_swap_is_named(area: Path, where: str) -> None:
    with pytest.raises(AgentError, match=r"has 4096 pages, none with number|signature is"):
        open_swap(f"{area}{where}")


@pytest.mark.parametrize("where", ["/dev/x@", "/dev/x@xx", "/dev/x@-1", "@1", "/dev/x@" + "9" * 22])
def test_an_offset_that_is_none_is_refused_as_a_word(where: str) -> None:
    with pytest.raises(AgentError, match="is no target"):
        target.parse(f"swap:{where}")


def test_the_swap_of_the_highest_priority_is_chosen(tmp_path: Path) -> None:
    listing = tmp_path / "swaps"
    listing.write_text(HEAD + "/dev/null\tpartition\t100\t0\t-3\n/dev/zero\tpartition\t9\t9\t5\n")
    # neither is a block device, so that it must be a file on one
    with pytest.raises(AgentError, match="swap file must lie on one block device"):
        swaps.in_use(listing=str(listing))
    listing.write_text(HEAD)
    with pytest.raises(AgentError, match="no swap is in use"):
        swaps.in_use(listing=str(listing))
    with pytest.raises(AgentError, match="/dev/x is no swap in use"):
        swaps.in_use("/dev/x", listing=str(listing))


def test_a_swap_whose_file_was_deleted_is_passed_over(tmp_path: Path) -> None:
    listing = tmp_path / "swaps"
    listing.write_text(HEAD + "/gone\\040(deleted) file\t100\t0\t9\n/dev/null file\t100\t0\t-3\n")
    with pytest.raises(AgentError, match="swap file must lie on one block device"):
        swaps.in_use(listing=str(listing))  # of /dev/null, which comes next
    listing.write_text(HEAD + "/gone\\040(deleted) file\t100\t0\t9\n")
    with pytest.raises(AgentError, match=r"/gone \(deleted\) is not there: its file was deleted"):
        swaps.in_use(listing=str(listing))


def test_committed_is_what_a_source_gives(area: Path, tmp_path: Path) -> None:
    stream = tmp_path / "stream"
    stream.write_bytes(content(3))
    with device(stream, scattered()) as snapshot:
        save(SwapSink("", 32, early=False), snapshot)
    assert Record.unpack(open_swap(str(area)).record()).state == COMMITTED
