"""``hibtest inspect`` on disks of all sorts, as a user calls it."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hibtest.agent.image.format import COMMITTED
from hibtest.image.e820 import checksum
from tests.image.writer import PAGE, ZERO, Recipe, page, stream, write

MAP = [(0, 0x9FC00, 1), (0x100000, 0x1FF00000, 1)]
LOG = """\
[    0.000000] BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000001fffffff] usable
"""
RECIPE = Recipe(
    words=(*range(16, 115), 200 | ZERO), info={"e820": checksum(MAP), "num_physpages": 130930}
)


def inspect(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    argv = [sys.executable, "-m", "hibtest", "inspect", *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def disk(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "swap"
    path.write_bytes(content)
    return path


def test_armed_image(tmp_path: Path) -> None:
    path = disk(tmp_path, write(RECIPE).disk)
    log = tmp_path / "console.log"
    log.write_text(LOG)
    done = inspect(path, "--boot", log)
    assert done.stderr == ""
    assert done.returncode == 0
    assert (
        done.stdout
        == f"""\
{path}: an armed hibernation image
  signature     S1SUSPEND, SWAPSPACE2 before (block 0)
  flags         0x5 PLATFORM_MODE CRC32_MODE
  stored        0.0 MiB: 5 blocks and 1 of the map; LZO, 6% of the stream
  stream        0.4 MiB: 99 data, 1 PFN, 1 info
  zero pages    1 flagged, without data; 0 of the data pages are zero
  PFNs          0x10 to 0xc8
  memory        130930 pages, 511.4 MiB
  checksum      {CRC}, right
  jump address  0xffffffff8a000050, physical 0x3a000050
  cr3           0x1f000000
  memory map    CRC-32 {checksum(MAP):#010x}: that of the boot
  written by    6.12 or 7.3, by its form (no image says so)
  resume        6.1: refuses (-14), it takes the zero flags for part of the PFNs
                  PM: hibernation: Failed to load image, recovering.
                  PM: hibernation: resume failed (-14)
  resume        6.12, 7.3: resumes, if the machine has as much memory
"""
    )


CRC = f"{int.from_bytes(write(RECIPE).disk[4060:4064], 'little'):#010x}"


def test_another_memory_map(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    log.write_text(LOG.replace("1fffffff", "2fffffff"))
    done = inspect(disk(tmp_path, write(RECIPE).disk), "--boot", log)
    assert done.returncode == 0
    assert ": NOT that of the boot\n" in done.stdout
    assert "6.1, 6.12, 7.3: refuses (-1)\n" in done.stdout
    assert "  Hibernate inconsistent memory map detected!\n" in done.stdout


def test_json(tmp_path: Path) -> None:
    done = inspect(disk(tmp_path, write(RECIPE).disk), "--json")
    found = json.loads(done.stdout)
    assert found["state"] == "armed"
    assert found["header"]["flag_names"] == ["PLATFORM_MODE", "CRC32_MODE"]
    assert found["crc"]["stored"] == found["crc"]["computed"] == int(CRC, 16)
    assert found["info"]["num_physpages"] == 130930
    assert (found["data_pages"], found["zero_flagged"], found["all_zero"]) == (99, 1, 0)
    assert found["e820_matches"] is None
    assert found["damage"] is None
    assert [reply["kernels"] for reply in found["replies"]] == [["6.1"], ["6.12", "7.3"]]


def test_pages(tmp_path: Path) -> None:
    data = (bytes(PAGE), *map(page, range(17, 115)))
    recipe = Recipe(words=RECIPE.words, data=data)
    path = disk(tmp_path, write(recipe).disk)
    first, second, *_ = inspect(path, "--pages").stdout.splitlines()
    assert first == f"0x0000000010  zero     {hashlib.sha256(bytes(PAGE)).hexdigest()}"
    assert second == f"0x0000000011  data     {hashlib.sha256(page(17)).hexdigest()}"
    *pages, survey = map(json.loads, inspect(path, "--pages", "--json").stdout.splitlines())
    assert [entry["pfn"] for entry in pages] == [*range(16, 115), 200]
    assert [entry["kind"] for entry in pages] == ["zero", *["data"] * 98, "flagged"]
    assert survey["all_zero"] == 1


def test_consumed_image(tmp_path: Path) -> None:
    done = inspect(disk(tmp_path, write(Recipe(header={"sig": b"SWAPSPACE2"})).disk))
    assert done.returncode == 0
    assert "a hibernation image that was resumed from, or taken away\n" in done.stdout
    assert "6.1, 6.12, 7.3: refuses (-22), at debug level\n" in done.stdout


def test_a_swap_that_was_used_since_the_resume_reads_like_no_damage(tmp_path: Path) -> None:
    written = write(Recipe(header={"sig": b"SWAPSPACE2"}))
    content = bytearray(written.disk)
    content[written.maps[0] * PAGE : written.maps[0] * PAGE + PAGE] = b"x" * PAGE
    done = inspect(disk(tmp_path, bytes(content)))
    assert done.returncode == 0
    assert ": no hibernation image any more: the swap was used since" in done.stdout
    lost = "from block 1 on (swap map), as is usual once its place is used again"
    assert f"  lost          {lost}\n" in done.stdout


def test_wrong_checksum(tmp_path: Path) -> None:
    done = inspect(disk(tmp_path, write(Recipe(header={"crc32": 0xABC})).disk))
    assert done.returncode == 1
    assert "DAMAGED: an armed hibernation image\n" in done.stdout
    assert "checksum      0x00000abc, WRONG: the pages have 0x" in done.stdout
    assert "  PM: Invalid image CRC32!\n" in done.stdout


def test_damaged_image(tmp_path: Path) -> None:
    written = write(RECIPE)
    content = bytearray(written.disk)
    content[written.units[1] * PAGE : written.units[1] * PAGE + 4] = b"\xff" * 4
    done = inspect(disk(tmp_path, bytes(content)))
    assert done.returncode == 1
    assert done.stderr == ""
    line = f"  damage        block {written.units[1]}, cmp_len: 4294967295 is no length of lzo data"
    assert line in done.stdout
    assert "  PM: Invalid LZO compressed length\n" in done.stdout
    assert "  PM: Invalid lzo compressed length\n" in done.stdout


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (bytes(PAGE * 20), "nothing but zeros"),
        (write(Recipe(header={"sig": b"SWAPSPACE2", "image": 0})).disk, "a swap area"),
        (b"LUKS\xba\xbe" + bytes(PAGE), "a LUKS container"),
        (b"\1" * PAGE, "something unknown"),
        (b"".join(stream(RECIPE)), "a raw stream of /dev/snapshot"),
    ],
)
def test_no_image(tmp_path: Path, content: bytes, what: str) -> None:
    done = inspect(disk(tmp_path, content))
    assert done.returncode == 0
    assert f": no hibernation image, but {what}" in done.stdout


@pytest.mark.parametrize("kind", ["vmdk", "vdi", "vhdx", "vpc", "qed", "parallels"])
def test_a_disk_in_a_file_of_another_kind(tmp_path: Path, kind: str) -> None:
    raw, disk = tmp_path / "raw", tmp_path / "disk"
    raw.write_bytes(b"\1" * PAGE * 20)
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", kind, raw, disk], check=True)
    done = inspect(disk)
    name = {"vpc": "VHD", "parallels": "Parallels"}.get(kind, kind.upper())
    assert done.returncode == 0, done.stderr
    assert f"no hibernation image, but a {name} disk in a file (qemu-img convert" in done.stdout


def test_raw_stream(tmp_path: Path) -> None:
    path = disk(tmp_path, b"".join(stream(RECIPE)))
    done = inspect(path, "--stream")
    assert done.returncode == 0
    assert f"{path}: a hibernation image as a raw stream\n" in done.stdout
    assert "  zero pages    1 flagged" in done.stdout
    path.write_bytes(path.read_bytes()[:-1])
    done = inspect(path, "--stream")
    assert done.returncode == 1
    assert "  damage        block 0, pages: 101, but the file has 100 of them\n" in done.stdout


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["nowhere"], 69, "nowhere: cannot open: No such file or directory"),
        (["swap", "--offset", "99999"], 2, "begins at block 99999"),
        (["swap", "--partition", "1"], 2, "no partition table"),
        (["swap", "--boot", "nowhere"], 69, "nowhere: cannot open: No such file"),
        (["swap", "--boot", "swap"], 2, "no BIOS-e820 lines"),
    ],
)
def test_what_cannot_be_done(tmp_path: Path, words: list[str], status: int, message: str) -> None:
    disk(tmp_path, write(RECIPE).disk)
    paths = [str(tmp_path / word) if word in {"swap", "nowhere"} else word for word in words]
    done = inspect(*paths)
    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_record_in_the_boot_block_does_not_hide_the_kernels_image(tmp_path: Path) -> None:
    content = COMMITTED + write(RECIPE).disk[len(COMMITTED) :]
    done = inspect(disk(tmp_path, content))
    assert done.returncode == 0
    assert ": an armed hibernation image\n" in done.stdout
    assert (
        "besides       the record of an image of the agent, which was overwritten\n" in done.stdout
    )


def test_paths_that_look_like_targets(tmp_path: Path) -> None:
    (tmp_path / "user@host").mkdir()
    path = tmp_path / "user@host" / "swap@7"
    path.write_bytes(write(RECIPE).disk)
    assert f"{path}: an armed hibernation image\n" in inspect(path).stdout


def test_its_help_has_every_status() -> None:
    text = " ".join(inspect("--help").stdout.split())
    assert "0 a sound image or none, 1 a damaged one, 2 wrong usage, 69 no disk to read." in text


@pytest.mark.parametrize("what", ["/dev/zero", "fifo", "."])
def test_a_log_that_is_none(tmp_path: Path, what: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    done = inspect(disk(tmp_path, write(RECIPE).disk), "--boot", tmp_path / what)
    assert (done.returncode, done.stdout) == (69, "")
    assert "is no log" in done.stderr


def test_a_log_without_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    os.truncate(log, 1 << 40)
    done = inspect(disk(tmp_path, write(RECIPE).disk), "--boot", log)
    assert done.returncode == 69
    assert f"{log}: a log of more than 64 MiB" in done.stderr
