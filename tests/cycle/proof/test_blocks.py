"""Disks that are compared: every change is found, holes are zeros."""

import os
from pathlib import Path

import pytest

from hibtest.cycle.proof.blocks import PIECE, prove_disk, read_blocks
from hibtest.errors import HostError

SIZE = 40 * PIECE + 512


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    with path.open("wb") as file:
        file.truncate(SIZE)
        for piece in (0, 3, 17):
            file.seek(piece * PIECE)
            file.write(bytes([piece + 1]) * PIECE)
    return path


@pytest.mark.parametrize("at", [0, 3 * PIECE - 1, 17 * PIECE + 77, 30 * PIECE, SIZE - 1])
def test_a_changed_byte_is_found(disk: Path, at: int) -> None:
    before = read_blocks(disk)
    with disk.open("r+b") as file:
        file.seek(at)
        file.write(b"\xff")
    proof = prove_disk("root", before, read_blocks(disk))
    assert proof.at_snapshot != proof.at_power_off
    assert (proof.differ, proof.first) == (1, (at // PIECE * PIECE,))


def test_a_disk_that_nobody_wrote_to_is_the_same(disk: Path) -> None:
    proof = prove_disk("root", read_blocks(disk), read_blocks(disk))
    assert proof.at_snapshot == proof.at_power_off
    assert proof.differ == 0


def test_zeros_are_the_same_as_a_hole(disk: Path) -> None:
    before = read_blocks(disk)
    with disk.open("r+b") as file:
        file.seek(30 * PIECE)
        file.write(bytes(PIECE))
        file.seek(40 * PIECE)
        file.write(bytes(512))
    assert read_blocks(disk).digests == before.digests


def test_a_disk_that_has_grown_is_not_the_same(disk: Path) -> None:
    before = read_blocks(disk)
    with disk.open("r+b") as file:
        file.truncate(SIZE + PIECE)
    assert prove_disk("root", before, read_blocks(disk)).differ > 0


def test_a_disk_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="No such file"):
        read_blocks(tmp_path / "none")


def test_content_is_the_same_whether_zeros_are_written_or_not(tmp_path: Path) -> None:
    sparse, full = tmp_path / "sparse", tmp_path / "full"
    for path in (sparse, full):
        path.write_bytes(b"begin" if path is sparse else b"begin" + bytes(3 << 20))
        os.truncate(path, 4 << 20)
        with path.open("r+b") as file:
            file.seek(2 << 20)
            file.write(b"later")
    assert str(read_blocks(sparse)) == str(read_blocks(full))


def test_content_knows_place_bytes_and_size(tmp_path: Path) -> None:
    def made(at: int, data: bytes, size: int) -> str:
        path = tmp_path / "disk"
        with path.open("wb") as file:
            file.truncate(size)
            file.seek(at)
            file.write(data)
        return str(read_blocks(path))

    disks = [(0, b"a", 1 << 20), (0, b"b", 1 << 20), (1 << 16, b"a", 1 << 20), (0, b"a", 1 << 21)]
    assert len({made(*disk) for disk in disks}) == len(disks)
