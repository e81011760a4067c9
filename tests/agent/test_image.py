"""The agent's image: what goes in comes out, and what was altered does not."""

import json
import random
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hibtest.agent import target
from hibtest.agent.errors import AgentError, BadImage, NoImage
from hibtest.agent.guardian.journal import Journal
from hibtest.agent.image.codecs import codec
from hibtest.agent.image.format import COMMITTED, REFUSED, USED, Frame, Record
from hibtest.agent.target.block import open_block
from hibtest.agent.target.raw import RawSink, RawSource
from tests.agent.bench import PAGE, content, device, restore, save

FACTS = {"codec": "none", "checksum": "blake2b", "pages": 3, "chunks": 1, "stored": 9, "digest": ""}


def _made(
    directory: Path, *, pages: int = 100, compress: str = "zlib", size: int = 1 << 20
) -> Path:
    disk, stream = directory / "disk", directory / "stream"
    stream.write_bytes(content(pages))
    disk.write_bytes(bytes(size))
    with device(stream) as snapshot:
        save(RawSink(str(disk), 32), snapshot, compress=compress)
    return disk


@pytest.mark.parametrize("checksum", ["blake2b", "sha256"])
@pytest.mark.parametrize("compress", ["none", "zlib", "lz4", "zstd"])
def test_what_was_saved_is_loaded(tmp_path: Path, compress: str, checksum: str) -> None:
    stream, disk = tmp_path / "stream", tmp_path / "disk"
    stream.write_bytes(content(500))
    disk.write_bytes(bytes(4 << 20))
    with device(stream) as snapshot:
        written = save(RawSink(str(disk), 32), snapshot, compress=compress, checksum=checksum)
    assert written.pages == 500
    assert (written.stored < 500 * PAGE / 2) == (compress != "none")
    assert restore(RawSource(open_block(str(disk))), tmp_path / "out") == stream.read_bytes()


@pytest.mark.parametrize("pages", [16, 17, 64, 512])
def test_the_budget_is_kept(tmp_path: Path, pages: int) -> None:
    stream, disk = tmp_path / "stream", tmp_path / "disk"
    stream.write_bytes(content(300))
    disk.write_bytes(bytes(4 << 20))
    with device(stream) as snapshot:
        sink = RawSink(str(disk), pages // 2)
        written = save(sink, snapshot, compress="zlib", buffer_pages=pages)
    assert written.peak <= pages


def test_too_small_a_budget_is_refused(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(PAGE))
    with device(tmp_path / "stream") as snapshot, pytest.raises(AgentError, match="at least 16"):
        save(RawSink(str(disk), 8), snapshot, buffer_pages=15)


def test_without_a_commit_there_is_no_image(tmp_path: Path) -> None:
    disk = _made(tmp_path)
    with device(tmp_path / "stream") as snapshot:
        sink = RawSink(str(disk), 32, overwrite=True)
        sink.prepare(snapshot, 1, Journal())  # an older image ends here
        sink.write(b"some of it")
        sink.close()
    with pytest.raises(NoImage):
        Record.unpack(RawSource(open_block(str(disk))).record())


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="its 1 MiB are full") as caught:
        _made(tmp_path, pages=1000, compress="none")
    assert caught.value.number == 28


def test_a_used_image_keeps_all_but_its_state(tmp_path: Path) -> None:
    disk = _made(tmp_path)
    before = disk.read_bytes()
    source = RawSource(open_block(str(disk)))
    source.mark(USED)
    record = Record.unpack(source.record())
    assert record.state == USED
    assert disk.read_bytes()[8:] == before[8:]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found(
    tmp_path_factory: pytest.TempPathFactory, where: float, bit: int
) -> None:
    directory = tmp_path_factory.mktemp("flip")
    disk = _made(directory, pages=12)
    data = bytearray(disk.read_bytes())
    stored = Record.unpack(bytes(data[:PAGE])).facts["stored"]
    data[int(where * (PAGE + stored))] ^= 1 << bit
    disk.write_bytes(data)
    with pytest.raises(AgentError):
        restore(RawSource(open_block(str(disk))), directory / "out")


def test_an_image_cut_anywhere_is_not_loaded(tmp_path: Path) -> None:
    disk = _made(tmp_path, pages=40)
    whole = disk.read_bytes()
    stored = Record.unpack(whole[:PAGE]).facts["stored"]
    for end in random.Random(4).sample(range(PAGE + stored), 60):  # noqa: S311
        disk.write_bytes(whole[:end])
        with pytest.raises(AgentError):
            restore(RawSource(open_block(str(disk))), tmp_path / "out")


def test_frames_in_another_order_are_found(tmp_path: Path) -> None:
    disk = _made(tmp_path, pages=60, compress="none")
    data = bytearray(disk.read_bytes())
    first, second = 4096, 4096 + 64 + 15 * PAGE
    one, other = data[first:second], data[second : second + (second - first)]
    data[first : first + len(one) + len(other)] = other + one
    disk.write_bytes(data)
    with pytest.raises(BadImage, match="frame 0 says that it is frame 1"):
        restore(RawSource(open_block(str(disk))), tmp_path / "out")


@pytest.mark.parametrize(("raw", "stored"), [(0, 0), (8192, 8193), (1 << 31, 5), (4096, 0)])
def test_lengths_are_bounded(raw: int, stored: int) -> None:
    with pytest.raises(BadImage, match="frame 3 holds"):
        Frame.unpack(Frame(3, raw, stored, bytes(32)).pack(), 3)


@pytest.mark.parametrize("state", [COMMITTED, USED, REFUSED])
def test_a_record_is_read_back(state: bytes) -> None:
    page = state + Record(COMMITTED, FACTS).pack()[len(state) :]
    assert Record.unpack(page) == Record(state, FACTS)


def test_an_altered_record_is_none() -> None:
    page = bytearray(Record(COMMITTED, FACTS).pack())
    page[100] ^= 1
    with pytest.raises(BadImage, match="record was altered"):
        Record.unpack(bytes(page))


RECORDS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@given(given_=RECORDS, name=st.sampled_from(sorted(FACTS)))
def test_a_record_that_was_made_to_do_harm_is_refused(given_: object, name: str) -> None:
    record = Record(COMMITTED, {**FACTS, name: given_})
    if len(json.dumps(record.facts)) > 3000:
        return
    with suppress(BadImage):  # and nothing else
        assert Record.unpack(record.pack()).facts[name] == given_


def test_a_zstd_frame_that_says_it_is_huge_takes_no_memory() -> None:
    # magic, then a frame header with a content size of 8 bytes: RFC 8878, 3.1.1
    frame = bytes.fromhex("28b52ffd e0 0000000000010000 010000".replace(" ", ""))
    with pytest.raises(BadImage, match="more than 4096 bytes"):
        codec("zstd").decompress(frame, PAGE)


def test_a_page_of_something_else_is_no_image() -> None:
    with pytest.raises(NoImage):
        Record.unpack(bytes(PAGE))


def test_a_file_on_a_filesystem_is_no_target(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(PAGE))
    with pytest.raises(AgentError, match="no block device"):
        target.open_sink(target.parse(f"raw:{disk}"), 32)
    with pytest.raises(AgentError, match="ENOENT"):
        target.open_sink(target.parse(f"raw:{tmp_path}/none"), 32)


@pytest.mark.parametrize("text", ["raw", "raw:", "file:/x", "", "server:1.2.3.4:5"])
def test_a_target_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(AgentError, match="--target"):
        target.parse(text)
