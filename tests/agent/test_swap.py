"""An image in the slots of a swap."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.agent.errors import AgentError, BadImage, NoImage
from harness.agent.guardian.journal import Journal
from harness.agent.image.format import COMMITTED, USED, Record
from harness.agent.target import swap, swaps
from harness.agent.target.swap import SwapSink, SwapSource
from tests.agent.bench import PAGE, content, device, restore, save

HEAD = "Filename\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


def scattered() -> Iterator[int]:
    """Yield slots in runs of three, with holes between."""
    for page in range(1, 4000):
        if page % 4:
            yield page * PAGE


@pytest.fixture
def area(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "swap"
    path.write_bytes(bytes(16 << 20))
    subprocess.run(["mkswap", "-q", path], check=True, capture_output=True)
    found = swaps.Area(str(path), str(path), 0, 16 << 20)
    monkeypatch.setattr(swaps, "in_use", lambda _where: found)
    return path


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
    assert restore(SwapSource(str(area)), tmp_path / "out") == stream.read_bytes()


def test_a_used_image_leaves_a_swap(area: Path, tmp_path: Path) -> None:
    stream = tmp_path / "stream"
    stream.write_bytes(content(10))
    with device(stream, scattered()) as snapshot:
        save(SwapSink("", 32, early=False), snapshot)
    source = SwapSource(str(area))
    source.mark(USED)
    source.close()
    assert area.read_bytes()[PAGE - 10 : PAGE] == b"SWAPSPACE2"
    with pytest.raises(NoImage, match="SWAPSPACE2"):
        SwapSource(str(area))
    assert Record.unpack(SwapSource(str(area), used=True).record()).state == USED


def test_until_the_commit_it_is_a_swap(area: Path, tmp_path: Path) -> None:
    with device(tmp_path / "stream", scattered()) as snapshot:
        sink = SwapSink("", 32, early=False)
        sink.prepare(snapshot, 10, Journal())
        sink.write(bytes(1 << 20))
        sink.close()
    with pytest.raises(NoImage):
        SwapSource(str(area))


def test_slots_that_run_out_are_named(area: Path, tmp_path: Path) -> None:
    stream = tmp_path / "stream"
    stream.write_bytes(content(1000))

    with (
        device(stream, iter([PAGE, 2 * PAGE])) as snapshot,
        pytest.raises(AgentError, match="ENOSPC"),
    ):
        save(SwapSink("", 32, early=False), snapshot)


@pytest.mark.parametrize("at", [1, 1 << 40])
def test_a_map_that_leads_nowhere_is_refused(area: Path, tmp_path: Path, at: int) -> None:
    page = area.read_bytes()[:PAGE]
    header = swap._HEADER.pack(at, PAGE, page[-10:], swap.SIGNATURE)
    with area.open("r+b") as disk:
        disk.write(page[: -len(header)] + header)
    with pytest.raises(BadImage, match="map leads to byte"):
        SwapSource(str(area)).read(1)


def test_a_map_that_goes_in_a_circle_is_refused(
    area: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swap, "_MOST_MAP_PAGES", 50)
    page = area.read_bytes()[:PAGE]
    header = swap._HEADER.pack(PAGE, PAGE, page[-10:], swap.SIGNATURE)
    circle = swap._MAP.pack(PAGE, 0).ljust(PAGE, b"\0")
    with area.open("r+b") as disk:
        disk.write(page[: -len(header)] + header + circle)
    with pytest.raises(BadImage, match="does not end"):
        SwapSource(str(area)).read(1)


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


def test_committed_is_what_a_source_gives(area: Path, tmp_path: Path) -> None:
    stream = tmp_path / "stream"
    stream.write_bytes(content(3))
    with device(stream, scattered()) as snapshot:
        save(SwapSink("", 32, early=False), snapshot)
    assert Record.unpack(SwapSource(str(area)).record()).state == COMMITTED
