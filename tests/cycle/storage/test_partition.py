"""A partition that swap lies on: made by sfdisk, found through its table."""

from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.cycle.cmdline import cmdline
from hibtest.cycle.storage import storage_of
from hibtest.cycle.storage.part import uuid_of
from hibtest.errors import SpecError
from hibtest.image.disk import open_disk
from hibtest.image.partition import within
from hibtest.spec import Named, ResumeSpec, Role, Scenario, SwapPartition, Table
from tests.cycle.jobs import ONE, files_in


def on(table: Table, named: Named = Named.NODE) -> Scenario:
    swap = SwapPartition(size_mib=16, table=table)
    return replace(ONE, layout=(swap,), resume=ResumeSpec(named=named))


@pytest.mark.parametrize("table", Table)
def test_the_swap_on_a_partition_is_looked_at_through_its_table(
    table: Table, tmp_path: Path
) -> None:
    storage = storage_of(on(table))
    storage.make(files_in(tmp_path), tmp_path)
    place = storage.swap_in(tmp_path, None)
    assert place
    header = place.header()
    assert header
    assert header.sig == "SWAPSPACE2"
    with open_disk(tmp_path / "swap.raw") as disk:
        part = within(disk, 2)
        assert part.size == 16 << 20
        assert part.peek(4086, 10) == b"SWAPSPACE2"
        assert within(disk, 1).size == 1 << 20
        with pytest.raises(SpecError, match="no partition 3; there are: 1, 2"):
            within(disk, 3)


@pytest.mark.parametrize("table", Table)
def test_two_runs_start_from_the_same_bytes(table: Table, tmp_path: Path) -> None:
    made = []
    for run in ("first", "second"):
        (tmp_path / run).mkdir()
        storage_of(on(table)).make(files_in(tmp_path), tmp_path / run)
        made.append((tmp_path / run / "swap.raw").read_bytes())
    assert made[0] == made[1]


def test_a_partuuid_names_one_partition() -> None:
    two = (SwapPartition(size_mib=16), SwapPartition(size_mib=16))
    with pytest.raises(SpecError, match="two partitions with the same PARTUUID"):
        replace(ONE, layout=two, resume=ResumeSpec(named=Named.PARTUUID))


@pytest.mark.parametrize("table", Table)
def test_a_disk_whose_table_is_gone_has_no_swap(table: Table, tmp_path: Path) -> None:
    storage = storage_of(on(table))
    storage.make(files_in(tmp_path), tmp_path)
    with (tmp_path / "swap.raw").open("r+b") as disk:
        disk.write(bytes(4096))
    place = storage.swap_in(tmp_path, None)
    assert place
    assert place.header() is None


def test_a_partition_within_a_block_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    entry = b"\0" * 4 + b"\x82" + b"\0" * 3 + (2049).to_bytes(4, "little") + b"\x08\0\0\0"
    path.write_bytes(bytes(446) + entry + bytes(48) + b"\x55\xaa" + bytes(2 << 20))
    with open_disk(path) as disk, pytest.raises(SpecError, match="4096 bytes from 1049088"):
        within(disk, 1)


@pytest.mark.parametrize(
    ("table", "named", "word"),
    [
        (Table.GPT, Named.NODE, "/dev/disk/by-id/virtio-swap-part2"),
        (Table.GPT, Named.UUID, f"UUID={uuid_of('swap')}"),
        (Table.GPT, Named.PARTUUID, "PARTUUID=68696274-6573-7400-0000-000000000004"),
        (Table.MBR, Named.PARTUUID, "PARTUUID=68696274-02"),
    ],
)
def test_resume_names_a_partition(table: Table, named: Named, word: str) -> None:
    scenario = on(table, named)
    for role in Role:
        assert f"resume={word}" in cmdline(scenario, storage_of(scenario), role).split()


def test_a_kernel_may_be_told_of_none() -> None:
    scenario = on(Table.GPT, Named.NOT)
    for role in Role:
        assert "resume=" not in cmdline(scenario, storage_of(scenario), role)
