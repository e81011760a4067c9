"""dm-integrity: its data, what its journal has of them, and planted damage."""

import struct
from pathlib import Path

import pytest

from hibtest.errors import SpecError
from hibtest.image.damage import Damaged
from hibtest.image.header import PAGE_SIZE
from hibtest.image.integrity import integrity
from hibtest.image.journal import Journal
from tests.image.mapped import devices, digest, recorded

# As the next boot's sha256sum printed it, of the device that was opened again.
REOPENED = "35f41f09ccdeb8bb418c119489e01ace65ea5262fe036032fb5b4c7fa2b3181d"
SECTION = 49 * PAGE_SIZE
FIRST_ENTRY = PAGE_SIZE  # of the journal, behind the superblock


def test_a_device_is_what_the_kernel_opens_with_its_journal_replayed(tmp_path: Path) -> None:
    with devices(tmp_path, recorded("integrity")) as (disk,):
        device = integrity(disk)
        assert len(device.kept) == 48
        assert bytes(device.read_one(5, "block")[:20]) == b"block        1 of in"
        assert digest(device) == REOPENED


def test_what_the_journal_has_need_not_be_in_its_place(tmp_path: Path) -> None:
    content = recorded("integrity")
    with devices(tmp_path, content) as (disk,):
        device = integrity(disk)
        below = device.begin + device.tags + 5
        was = device.read_one(5, "block").tobytes()
    content[below * PAGE_SIZE : (below + 1) * PAGE_SIZE] = bytes(PAGE_SIZE)
    with devices(tmp_path, content) as (disk,):
        assert integrity(disk).read_one(5, "block").tobytes() == was
    struct.pack_into("<Q", content, FIRST_ENTRY + 504, 0)  # a commit id of nobody
    with devices(tmp_path, content) as (disk,):
        assert not integrity(disk).kept
        with pytest.raises(Damaged, match="block 5: "):
            integrity(disk).read_one(5, "block")


def test_a_section_that_was_written_by_half_does_not_count(tmp_path: Path) -> None:
    """Another turn's commit id in one sector: the kernel replays what stands before it."""
    content = recorded("integrity")
    with devices(tmp_path, content) as (disk,):
        before = integrity(disk).kept
    assert {(kept.block - 1) // 49 for kept in before.values()} == {0}
    sector = FIRST_ENTRY + 20 * 512 + 504
    (word,) = struct.unpack_from("<Q", content, sector)
    turn = 0x1111111111111111
    own = word & 0xFF ^ 20
    other = next(turn * n ^ 20 for n in range(1, 5) if turn * n & 0xFF != own)
    struct.pack_into("<Q", content, sector, other)
    with devices(tmp_path, content) as (disk,):
        assert integrity(disk).kept == {}


@pytest.mark.parametrize(
    ("layout", "at", "value", "error", "said"),
    [
        ("<B", 0, 0, SpecError, "not a device of dm-integrity"),
        ("<B", 8, 9, Damaged, "version 9"),
        ("<B", 9, 63, Damaged, "2.63 sectors in a row"),
        ("<H", 10, 32, SpecError, "checksums of 32 bytes"),
        ("<I", 12, 0, Damaged, "0 blocks on a device"),
        ("<I", 12, 1 << 31, Damaged, "it ends at block"),
        ("<Q", 16, 0, Damaged, "0 in all"),
        ("<Q", 16, 1 << 50, Damaged, "it ends at block"),
        ("<I", 24, 0x1B, SpecError, "flags 0x1b"),
        ("<I", 24, 0x1A, SpecError, "not all of its checksums"),
        ("<B", 28, 0, SpecError, r"2\^0 sectors each"),
    ],
)
def test_a_superblock_that_cannot_be_meant_is_told(
    layout: str, at: int, value: int, error: type[Exception], said: str, tmp_path: Path
) -> None:
    content = recorded("integrity")
    struct.pack_into(layout, content, at, value)
    with devices(tmp_path, content) as (disk,), pytest.raises(error, match=said):
        integrity(disk)


def test_a_flipped_bit_is_told_with_its_block(tmp_path: Path) -> None:
    content = recorded("integrity")
    with devices(tmp_path, content) as (disk,):
        device = integrity(disk)
        below = device.begin + device.tags + 7
    content[below * PAGE_SIZE + 99] ^= 1
    with devices(tmp_path, content) as (disk,):
        device = integrity(disk)
        with pytest.raises(Damaged, match=r"block 7: .*not what its checksum is of"):
            device.read_one(7, "block")
        device.read_one(8, "block")


def test_an_entry_behind_the_end_is_none(tmp_path: Path) -> None:
    with devices(tmp_path, recorded("integrity")) as (disk,):
        sections = struct.unpack_from("<I", disk.peek(12, 4))[0]
        assert set(Journal(device=disk, sections=sections).kept(6)) == {0, 5}
