"""A swap file that was copied out of its file system: its map names blocks of the device."""

import json
import struct
from pathlib import Path

import pytest

from tests.cli.test_inspect import inspect
from tests.image.writer import PAGE, Recipe, write

BEGIN = 34816
WORDS = tuple(range(16, 116))


def copied(tmp_path: Path, recipe: Recipe, *, last: int = 0) -> Path:
    """Write what cp(1) takes out of a file system: all from the header on."""
    content = bytearray(write(recipe).disk[recipe.offset * PAGE :])
    struct.pack_into("<II", content, 1024, 1, last or len(content) // PAGE - 1)
    path = tmp_path / "swapfile"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("begin", [BEGIN, 38, 3])
@pytest.mark.parametrize("codec", ["lzo", "lz4", "none"])
def test_it_is_read_as_if_it_lay_where_it_was(tmp_path: Path, begin: int, codec: str) -> None:
    path = copied(tmp_path, Recipe(offset=begin, codec=codec))
    done = inspect(path)
    assert (done.returncode, done.stderr) == (0, "")
    first, *_ = done.stdout.splitlines()
    where = "in a swap file that was copied out of its file system"
    assert first == f"{path}: an armed hibernation image {where}"
    assert f"  copied        from block {begin} of its device on, its resume_offset" in done.stdout
    assert "100 data, 1 PFN, 1 info" in done.stdout
    found = json.loads(inspect(path, "--json").stdout)
    assert found["copied"] == {"begin": begin, "unread": None}
    assert found["data_pages"] == len(WORDS)


def test_blocks_that_lie_elsewhere_in_it(tmp_path: Path) -> None:
    path = copied(tmp_path, Recipe(offset=5, room=100))
    assert "  copied        from block 5 of its device on" in inspect(path).stdout


def test_a_file_that_lay_in_pieces_is_not_called_damaged(tmp_path: Path) -> None:
    recipe = Recipe(offset=BEGIN, codec="none", room=400)
    written = write(recipe)
    content = bytearray(written.disk[BEGIN * PAGE :])
    for number in range(50, 60):  # they lay far away
        word = struct.pack("<Q", BEGIN * 3 + number)
        at = (written.maps[0] - BEGIN) * PAGE + number * 8
        content[at : at + 8] = word
    path = tmp_path / "swapfile"
    path.write_bytes(content)
    done = inspect(path)
    assert done.returncode == 0
    assert "in a swap file that was copied out of its file system\n" in done.stdout
    assert f"inspect the device with --offset {BEGIN}\n" in done.stdout
    assert "DAMAGED" not in done.stdout
    assert "resumes" not in done.stdout


def test_a_file_whose_info_page_lay_elsewhere(tmp_path: Path) -> None:
    path = copied(tmp_path, Recipe(offset=BEGIN, stride=2, codec="none"))
    content = bytearray(path.read_bytes())
    struct.pack_into("<Q", content, PAGE, BEGIN + 200)
    path.write_bytes(content)
    done = inspect(path)
    assert done.returncode == 0
    assert "in a swap file that was copied out of its file system\n" in done.stdout
    assert "inspect the device where that lay\n" in done.stdout
    assert json.loads(inspect(path, "--json").stdout)["copied"]["begin"] is None


def test_a_swap_whose_header_is_garbled_is_no_copied_file(tmp_path: Path) -> None:
    recipe = Recipe(header={"image": 1 << 40})
    content = bytearray(write(recipe).disk)
    struct.pack_into("<II", content, 1024, 1, len(content) // PAGE - 1)
    path = tmp_path / "swap"
    path.write_bytes(content)
    done = inspect(path)
    assert done.returncode == 1
    assert "DAMAGED: an armed hibernation image\n" in done.stdout


@pytest.mark.parametrize("image", [1 << 50, 1 << 63, (1 << 64) - 1])
def test_a_copy_that_claims_to_have_lain_beyond_all(tmp_path: Path, image: int) -> None:
    written = write(Recipe(header={"image": image}))
    content = bytearray(written.disk)
    struct.pack_into("<Q", content, PAGE, (image + 1) % (1 << 64))  # the info page, if all is moved
    path = tmp_path / "swap"
    path.write_bytes(content)
    done = inspect(path)
    assert done.returncode == (0 if image == 1 << 50 else 1)
    assert done.stderr == ""


def test_a_copy_whose_file_system_gave_zeros(tmp_path: Path) -> None:
    path = copied(tmp_path, Recipe(offset=BEGIN))
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:PAGE].ljust(size, b"\0"))
    done = inspect(path)
    assert done.returncode == 1  # the same as a disk that was discarded
    told = "zeros alone, as in a copy of a swap file that fallocate made: see its device"
    assert f"  besides       {told}\n" in done.stdout


def test_a_wrong_checksum_of_a_copy_is_not_believed(tmp_path: Path) -> None:
    done = inspect(copied(tmp_path, Recipe(offset=BEGIN, header={"crc32": 1})))
    assert done.returncode == 0
    assert "or the image is damaged; inspect the device with --offset 34816\n" in done.stdout
