"""The memory maps of two boots, compared entry by entry; the first is a laptop's."""

import json
from pathlib import Path

import pytest

from hibtest.image.e820 import checksum, log_map
from hibtest.image.e820_changes import changes
from tests.cli.test_inspect import RECIPE, disk, inspect
from tests.image.writer import Recipe, write

OLD = """\
[    0.000000] BIOS-e820: [mem 0x00000000ff010000-0x00000000ff04ffff] reserved
[    0.000000] BIOS-e820: [mem 0x0000000100000000-0x000000087def1fff] usable
[    0.000000] BIOS-e820: [mem 0x000000087def2000-0x000000087def2fff] reserved
[    0.000000] BIOS-e820: [mem 0x000000087def3000-0x000000087def4fff] ACPI data
[    0.000000] BIOS-e820: [mem 0x000000087def5000-0x000000087dfebfff] usable
"""
NEW = """\
[    0.000000] BIOS-e820: [mem 0x00000000ff010000-0x00000000ff04ffff] reserved
[    0.000000] BIOS-e820: [mem 0x0000000100000000-0x000000087dee3fff] usable
[    0.000000] BIOS-e820: [mem 0x000000087dee4000-0x000000087dee4fff] reserved
[    0.000000] BIOS-e820: [mem 0x000000087dee5000-0x000000087dee6fff] ACPI data
[    0.000000] BIOS-e820: [mem 0x000000087dee7000-0x000000087dfebfff] usable
"""
CHANGED = """\
the second boot's memory map differs in 4 of its entries:
  0x100000000-0x87def1fff usable ends 56 KiB lower, at 0x87dee3fff
  0x87def2000-0x87def2fff reserved moved 56 KiB lower, to 0x87dee4000-0x87dee4fff
  0x87def3000-0x87def4fff ACPI data moved 56 KiB lower, to 0x87dee5000-0x87dee6fff
  0x87def5000-0x87dfebfff usable begins 56 KiB lower, at 0x87dee7000
"""


def logs(tmp_path: Path, *texts: str) -> list[str | Path]:
    """Write logs; return the options that name them."""
    words: list[str | Path] = []
    for number, text in enumerate(texts):
        path = tmp_path / f"log{number}"
        path.write_text(text)
        words += ["--boot", path]
    return words


def test_two_boots_without_a_disk(tmp_path: Path) -> None:
    done = inspect(*logs(tmp_path, OLD, NEW))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == CHANGED
    found = json.loads(inspect(*logs(tmp_path, OLD, NEW), "--json").stdout)
    assert [change["new"]["start"] for change in found["map_changes"]] == [
        0x100000000,
        0x87DEE4000,
        0x87DEE5000,
        0x87DEE7000,
    ]


def test_two_boots_with_the_same_map(tmp_path: Path) -> None:
    other = OLD.replace("] usable", "]  System RAM").replace("] reserved", "]  device reserved")
    done = inspect(*logs(tmp_path, OLD, other))
    assert done.returncode == 0
    assert done.stdout == "both boots have the same memory map\n"


def test_two_boots_and_a_disk(tmp_path: Path) -> None:
    entries = [line[0] for line in log_map(OLD).entries]
    recipe = Recipe(words=RECIPE.words, info={"e820": checksum(entries)})
    path = disk(tmp_path, write(recipe).disk)
    done = inspect(path, *logs(tmp_path, OLD, NEW))
    assert done.returncode == 0
    told = ": that of the first boot, NOT that of the second\n"
    assert f"  memory map    CRC-32 {checksum(entries):#010x}{told}" in done.stdout
    assert "  Hibernate inconsistent memory map detected!\n" in done.stdout
    assert done.stdout.endswith("".join(f"  {line}\n" for line in CHANGED.splitlines()))
    found = json.loads(inspect(path, *logs(tmp_path, OLD, NEW), "--json").stdout)
    assert (found["e820_matched_before"], found["e820_matches"]) == (True, False)
    assert len(found["map_changes"]) == 4
    one = json.loads(inspect(path, *logs(tmp_path, OLD), "--json").stdout)
    matched = ("e820_matched_before", "e820_matches", "map_changes")
    assert [one[name] for name in matched] == [None, True, None]


MORE = "BIOS-e820: [mem 0x0000001000000000-0x0000001000002fff] type 20\n"


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (OLD, OLD + MORE, "came: 0x1000000000-0x1000002fff type 20"),
        (OLD + MORE, OLD, "went: 0x1000000000-0x1000002fff type 20"),
        (
            OLD + MORE,
            OLD + MORE.replace("type 20", "ACPI NVS"),
            "0x1000000000-0x1000002fff type 20 is ACPI NVS now",
        ),
        (
            OLD + MORE,
            OLD + MORE.replace("0000-0x0000001000002fff", "1000-0x0000001000004fff"),
            "begins 4 KiB higher, at 0x1000001000, ends 8 KiB higher, at 0x1000004fff",
        ),
    ],
)
def test_one_entry(tmp_path: Path, old: str, new: str, what: str) -> None:
    done = inspect(*logs(tmp_path, old, new))
    assert done.returncode == 1
    assert what in done.stdout


def test_a_character_printed_twice_is_no_change() -> None:
    garbled = OLD.replace("0x000000087def2fff", "0x0000000887def2fff")
    assert changes(log_map(OLD), log_map(garbled)) == ()
    assert changes(log_map(garbled), log_map(OLD)) == ()


def test_maps_that_have_nothing_in_common() -> None:
    def made(first: int) -> str:
        numbers = range(first, first + 3200 * 3, 3)
        return "".join(
            f"BIOS-e820: [mem {n << 12:#018x}-{(n << 12) + n:#018x}] usable\n" for n in numbers
        )

    found = changes(log_map(made(1)), log_map(made(1 << 30)))
    assert len([change for change in found if change.old]) == 3200
    assert len([change for change in found if change.new]) == 3200


@pytest.mark.parametrize("count", [0, 1, 3])
def test_boots_that_cannot_be_compared(tmp_path: Path, count: int) -> None:
    done = inspect(*logs(tmp_path, *[OLD] * count))
    assert (done.returncode, done.stdout) == (2, "")
    message = "two boots can be compared" if count > 2 else "neither a DISK nor --boot OLD --boot"
    assert message in done.stderr


def test_a_log_that_tells_no_map_is_named(tmp_path: Path) -> None:
    done = inspect(*logs(tmp_path, OLD, "nothing"))
    assert done.returncode == 2
    assert f"{tmp_path / 'log1'}: the log has no BIOS-e820 lines" in done.stderr
