"""What a device holds is told before anything is written over it."""

import os
import subprocess
from pathlib import Path
from typing import cast

import pytest

from hibtest.agent.device import SnapshotDevice
from hibtest.agent.errors import AgentError
from hibtest.agent.guardian.journal import Journal
from hibtest.agent.image.format import COMMITTED, FRAME_MAGIC, REFUSED, USED, Record
from hibtest.agent.target import holds, raw
from hibtest.agent.target.block import open_block
from hibtest.agent.target.raw import RawSink
from hibtest.linux.pages import PAGE

SIZE = 1 << 20
FRAME = FRAME_MAGIC + b"the rest of a frame"
MARKS = [*holds._BEGIN, *holds._END]


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    path.touch()
    with path.open("r+b") as file:
        file.truncate(SIZE)
    return path


def put(disk: Path, at: int, data: bytes) -> None:
    with disk.open("r+b") as file:
        file.seek(at if at >= 0 else SIZE + at)
        file.write(data)


def look(disk: Path) -> str:
    block = open_block(str(disk), 1, readonly=True)
    try:
        return holds.holds(block.peek, block.size)
    finally:
        block.close()


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: f"{mark.at}-{mark.magic[:8]!r}")
def test_each_mark_is_seen(mark: holds.Mark, disk: Path) -> None:
    put(disk, mark.at, mark.magic)
    assert look(disk) in {one.what for one in MARKS if one.at == mark.at}


@pytest.mark.parametrize(
    ("at", "data", "what"),
    [
        (SIZE - 0x10000, b"\xfc\x4e\x2b\xa9", "a RAID member (md)"),
        (SIZE - 8192, b"\xfc\x4e\x2b\xa9", "a RAID member (md)"),
        (510, b"\x55\xaa", "a partition table (MBR), or a boot sector"),
        (4095, b"x", "something unknown"),
        (65535, b"x", "something unknown"),
    ],
)
def test_other_places_are_looked_at(at: int, data: bytes, what: str, disk: Path) -> None:
    put(disk, at, data)
    assert look(disk) == what


def test_nothing_is_nothing(disk: Path) -> None:
    assert look(disk) == ""


@pytest.mark.parametrize(
    ("command", "what", "blkid"),
    [
        ("mke2fs -q -t ext4", "an ext2, ext3 or ext4 file system", "ext4"),
        ("mkswap -q", "a swap area", "swap"),
    ],
)
def test_what_real_programs_make_is_seen_as_blkid_sees_it(
    command: str, what: str, blkid: str, disk: Path
) -> None:
    subprocess.run([*command.split(), os.fspath(disk)], check=True)
    argv = ["blkid", "-p", "-o", "value", "-s", "TYPE", os.fspath(disk)]
    assert subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip() == blkid
    assert look(disk) == what


def test_a_sink_refuses_it_and_changes_nothing(disk: Path) -> None:
    put(disk, 1080, b"\x53\xef")
    before = disk.read_bytes()
    with pytest.raises(AgentError, match="holds an ext2, ext3 or ext4 file system"):
        RawSink(str(disk), 16)
    assert disk.read_bytes() == before
    RawSink(str(disk), 16, overwrite=True).close()


def test_an_image_that_waits_is_not_overwritten(disk: Path) -> None:
    put(disk, 0, COMMITTED)
    with pytest.raises(AgentError, match="an image that nobody has resumed from") as caught:
        RawSink(str(disk), 16)
    assert f"discard --target raw:{disk}" in caught.value.hint


@pytest.mark.parametrize("state", [USED, REFUSED])
def test_an_image_of_no_use_may_be(state: bytes, disk: Path) -> None:
    put(disk, 0, rest(state) + FRAME)
    RawSink(str(disk), 16).close()


def test_an_image_that_never_ended_may_be(disk: Path) -> None:
    put(disk, PAGE, FRAME)
    RawSink(str(disk), 16).close()


@pytest.mark.parametrize(
    ("at", "magic", "what"),
    [
        (510, b"\x55\xaaEFI PART", "a partition table"),  # boot code is kept, by sfdisk and others
        (4096, b"\xfc\x4e\x2b\xa9", "a RAID member"),
        (65600, b"_BHRfS_M", "a btrfs"),
        (-512, b"EFI PART", "a partition table"),
    ],
)
@pytest.mark.parametrize("begin", [USED, REFUSED, b""], ids=["used", "refused", "never ended"])
def test_what_was_made_since_on_a_device_of_ours_is_seen(
    disk: Path, begin: bytes, at: int, magic: bytes, what: str
) -> None:
    put(disk, 0, (rest(begin) if begin else bytes(PAGE)) + FRAME)
    put(disk, at, magic)
    with pytest.raises(AgentError, match=f"holds {what}"):
        RawSink(str(disk), 16)


def rest(state: bytes) -> bytes:
    """Return the record of an image that is none any more."""
    facts = {"codec": "none", "checksum": "sha256", "pages": 1, "chunks": 1, "stored": 1}
    return Record(state, {**facts, "digest": ""}).pack()


def _replace(disk: Path, journal: Journal, stream: bytes) -> None:
    sink = RawSink(str(disk), 16, overwrite=True)
    sink.prepare(cast(SnapshotDevice, None), 1, journal)
    sink.close()
    put(disk, PAGE, stream)


def test_the_page_that_was_replaced_is_given_back(disk: Path) -> None:
    put(disk, 1000, b"precious")
    before, journal = disk.read_bytes(), Journal()
    _replace(disk, journal, b"")
    ((kind, args),) = journal.entries()
    assert kind == "replaced"
    for _ in range(2):  # once more does no harm
        raw.give_back(args)
        assert disk.read_bytes() == before


def test_what_is_lost_is_said(disk: Path) -> None:
    put(disk, 1000, b"precious")
    journal = Journal()
    _replace(disk, journal, b"stream")
    with pytest.raises(AgentError, match="was overwritten"):
        raw.give_back(journal.entries()[0][1])


def test_an_older_image_under_a_stream_is_not_armed_again(disk: Path) -> None:
    put(disk, 0, COMMITTED)
    journal = Journal()
    _replace(disk, journal, b"stream")
    raw.give_back(journal.entries()[0][1])
    assert disk.read_bytes()[: len(USED)] == USED


def test_an_image_that_was_committed_stays(disk: Path) -> None:
    journal = Journal()
    _replace(disk, journal, b"stream")
    put(disk, 0, USED)
    before = disk.read_bytes()
    raw.give_back(journal.entries()[0][1])
    assert disk.read_bytes() == before
