"""Copies of disks: through what stands between, and gone again."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from hibtest.cycle.filesystems.flat import copied
from hibtest.errors import HostError, SpecError
from hibtest.image.blocks import Blocks
from hibtest.image.extents import Extent, Extents
from hibtest.image.striped import striped
from hibtest.image.through import Joined, Leg
from tests.cycle.filesystems.disks import ext4, laid_on, raw

PAGE = 4096
BEHIND = 100  # blocks: a header, as LUKS has one


def behind(device: Blocks) -> Blocks:
    """See what lies behind a header."""
    count = device.count - BEHIND
    (extent,) = (Extent(first=0, count=count, below=BEHIND),)
    return Extents(name="behind", count=count, device=device, extents=(extent,))


def test_an_overlay_is_seen_with_its_base_and_the_copy_is_gone(tmp_path: Path) -> None:
    base = ext4(tmp_path / "base.ext4")
    with copied(laid_on(base, tmp_path / "root.qcow2"), tmp_path) as copy:
        assert copy.read_bytes() == base.read_bytes()
        assert copy.name.endswith(".raw")  # one that a killed run leaves goes with its disks
    assert not copy.exists()


def test_a_copy_is_what_the_guest_sees_and_holes_stay_holes(tmp_path: Path) -> None:
    whole = ext4(tmp_path / "whole.ext4").read_bytes()
    disk = tmp_path / "swap.raw"
    with disk.open("wb") as file:
        file.write(b"header")
        for at in range(0, len(whole), PAGE):
            if any(whole[at : at + PAGE]):
                file.seek(BEHIND * PAGE + at)
                file.write(whole[at : at + PAGE])
        file.truncate((64 << 20) + BEHIND * PAGE)
    with copied(replace(raw(disk), views=(behind,)), tmp_path) as copy:
        assert copy.read_bytes() == whole.ljust(64 << 20, b"\0")
        assert copy.stat().st_blocks * 512 < 8 << 20


def test_a_copy_is_joined_of_disks_that_lie_beside_each_other(tmp_path: Path) -> None:
    whole = ext4(tmp_path / "whole.ext4").read_bytes()
    for turn, name in enumerate(("swap.raw", "swap_b.raw")):
        pages = (whole[at : at + PAGE] for at in range(turn * PAGE, len(whole), 2 * PAGE))
        (tmp_path / name).write_bytes(b"".join(pages))
    legs = (Leg(file="swap_b.raw"),)
    views = (Joined(view=partial(striped, chunk=1), others=legs),)
    with copied(replace(raw(tmp_path / "swap.raw"), views=views), tmp_path) as copy:
        assert copy.read_bytes() == whole
        assert copy.stat().st_blocks * 512 < len(whole)
    (tmp_path / "swap_b.raw").unlink()
    with (
        pytest.raises(HostError, match="swap_b"),
        copied(replace(raw(tmp_path / "swap.raw"), views=views), tmp_path),
    ):
        pass


def test_what_a_disk_stands_on_may_not_be_there(tmp_path: Path) -> None:
    disk = ext4(tmp_path / "swap.raw")

    def missing(_: Blocks) -> Blocks:
        raise SpecError("not a LUKS device")

    with pytest.raises(SpecError), copied(replace(raw(disk), views=(missing,)), tmp_path):
        pass
    assert not list(tmp_path.glob("*.look.raw"))


def test_a_disk_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="no such disk"), copied(raw(tmp_path / "no"), tmp_path):
        pass
