"""``hibtest inspect`` on images of the userspace agent: judged as the agent judges them."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from hibtest.agent.errors import BadImage
from hibtest.agent.image.format import COMMITTED, USED, Record
from hibtest.agent.target.block import open_block
from hibtest.agent.target.raw import RawSink, RawSource
from hibtest.agent.target.swap import SwapSink, open_swap, place
from tests.agent import bench as agent
from tests.cli.test_inspect import LOG, RECIPE, inspect
from tests.image.test_disk import gpt
from tests.image.writer import PAGE, stream

AGENT_LINES = """\
  in            a device of its own, from block 0 on
  of            kernel 6.12.1, boot b
  stored        0.0 MiB: 7 frames; zlib, 1%
  checksum      blake2b of each frame and over all, right
  power-off     platform
  stream        0.4 MiB: 99 data, 1 PFN, 1 info
  zero pages    1 flagged, without data; 0 of the data pages are zero
  PFNs          0x10 to 0xc8
"""


def test_an_image_of_the_agent(tmp_path: Path) -> None:
    target, log = saved(tmp_path), tmp_path / "console.log"
    log.write_text(LOG)
    done = inspect(target, "--boot", log)
    assert done.returncode == 0, done.stderr
    first, rest = done.stdout.split("\n", 1)
    assert first == f"{target}: an armed hibernation image of the userspace agent"
    assert rest.startswith(AGENT_LINES)
    assert "that of the boot" in rest
    assert rest.endswith(
        "  resume        the agent: resumes, if the machine runs kernel 6.12.1 and has as\n"
        "                much memory\n"
    )
    found = json.loads(inspect(target, "--json").stdout)
    assert (found["state"], found["codec"], found["damage"]) == ("armed", "zlib", None)
    assert found["by_agent"]["facts"]["release"] == "6.12.1"
    assert (found["data_pages"], found["zero_flagged"]) == (99, 1)
    assert len(inspect(target, "--pages", "--json").stdout.splitlines()) == 101


def test_a_damaged_image_of_the_agent_is_told_as_the_kernels(tmp_path: Path) -> None:
    target = saved(tmp_path)
    data = bytearray(target.read_bytes())
    data[PAGE + 100] ^= 1
    target.write_bytes(data)
    done = inspect(target)
    assert done.returncode == 1
    assert "DAMAGED: an armed hibernation image of the userspace agent\n" in done.stdout
    assert "  damage        block 1, agent image: frame 0: the checksum is wrong\n" in done.stdout
    assert "  resume        the agent: refuses, and marks the image, so that" in done.stdout
    done = inspect(target, "--json")
    assert done.returncode == 1
    what = {"field": "agent image", "block": 1, "what": "frame 0: the checksum is wrong"}
    assert json.loads(done.stdout)["damage"] == what


def test_an_altered_record_is_damage(tmp_path: Path) -> None:
    target = saved(tmp_path)
    data = bytearray(target.read_bytes())
    data[50] ^= 1
    target.write_bytes(data)
    done = inspect(target)
    assert (done.returncode, done.stderr) == (1, "")
    assert "  damage        agent image: the commit record was altered\n" in done.stdout


WRONG = [
    ({"chunks": 3}, ""),
    ({"pages": 11}, "block 1, "),  # the first frame has the info page, which says another number
    ({"pages": (1 << 49)}, "block 1, "),
    ({"stored": 5}, ""),
    ({"digest": "0" * 64}, ""),
    ({"codec": "lzma"}, ""),
    ({"release": "\ud800"}, ""),
    ({"pages": -1}, ""),
]


@pytest.mark.parametrize(("facts", "where"), WRONG)
def test_what_a_resume_refuses_is_not_called_sound(
    tmp_path: Path, facts: dict[str, Any], where: str
) -> None:
    target = saved(tmp_path)
    with target.open("r+b") as disk:
        record = Record.unpack(disk.read(PAGE))
        disk.seek(0)
        disk.write(Record(COMMITTED, {**record.facts, **facts}).pack())
    with pytest.raises(BadImage):
        agent.restore(RawSource(open_block(str(target))), tmp_path / "out")
    done = inspect(target)
    assert (done.returncode, done.stderr) == (1, "")
    assert f"  damage        {where}agent image: " in done.stdout
    assert inspect(target, "--json").returncode == 1


@pytest.mark.parametrize("pages", [-3, 3])
def test_more_or_fewer_pages_than_the_info_page_says(tmp_path: Path, pages: int) -> None:
    content = stream(RECIPE)
    target = saved(tmp_path, content[:pages] if pages < 0 else content + content[-pages:])
    with pytest.raises(BadImage, match="speaks of 101 pages, the record of"):
        agent.restore(RawSource(open_block(str(target))), tmp_path / "out")
    done = inspect(target)
    assert done.returncode == 1
    assert f"speaks of 101 pages, the record of {101 + pages}" in done.stdout


def test_text_of_a_record_does_nothing_to_the_terminal(tmp_path: Path) -> None:
    target = saved(tmp_path, release="\x1b]0;owned\x07\u202e\x9b2J")
    for done in (inspect(target), inspect(target, "--json")):
        assert done.returncode == 0
        assert done.stdout.replace("\n", "").isprintable()
    assert json.loads(done.stdout)["by_agent"]["facts"]["release"] == "\x1b]0;owned\x07\u202e\x9b2J"


def saved(tmp_path: Path, content: list[bytes] | None = None, release: str = "6.12.1") -> Path:
    """Have the agent write an image to a disk; return the disk."""
    given, target = tmp_path / "stream", tmp_path / "disk"
    given.write_bytes(b"".join(content or stream(RECIPE)))
    target.write_bytes(bytes(1 << 20))
    facts = {"release": release, "boot_id": "b", "mode": "platform"}
    with agent.device(given) as snapshot:
        agent.save(RawSink(str(target), 32), snapshot, compress="zlib", more=facts)
    return target


def saved_to_swap(tmp_path: Path) -> Path:
    """Have the agent write an image to slots of a swap."""
    given, target = tmp_path / "stream", tmp_path / "swap"
    given.write_bytes(b"".join(stream(RECIPE)))
    target.write_bytes(bytes(1 << 20))
    with agent.swap_in_use(target), agent.device(given, agent.scattered()) as snapshot:
        agent.save(SwapSink("", 32, early=False), snapshot)
    return target


def test_an_image_in_a_swap(tmp_path: Path) -> None:
    done = inspect(saved_to_swap(tmp_path))
    assert done.returncode == 0
    assert ": an armed hibernation image of the userspace agent\n" in done.stdout
    assert "  in            slots of a swap, whose header is block 0\n" in done.stdout


def test_a_swap_that_was_used_since_the_resume(tmp_path: Path) -> None:
    swap = saved_to_swap(tmp_path)
    open_swap(str(swap)).mark(USED)
    done = inspect(swap)
    assert done.returncode == 0
    assert "agent that was resumed from, or withdrawn\n" in done.stdout
    data = bytearray(swap.read_bytes())
    data[5 * PAGE : 6 * PAGE] = b"x" * PAGE
    swap.write_bytes(data)
    done = inspect(swap)
    assert done.returncode == 0
    assert ": no hibernation image of the userspace agent any more: " in done.stdout
    lost = "from block 1 on (agent image), as is usual once its place is used again"
    assert f"  lost          {lost}\n" in done.stdout


@pytest.mark.parametrize(
    ("number", "value", "what"),
    [
        (1, 999, "a page of the image's map has 999 entries"),
        (2, 5, "the image has "),  # its first extent begins within a page
    ],
)
def test_a_damaged_map_comes_with_its_block(
    tmp_path: Path, number: int, value: int, what: str
) -> None:
    swap = saved_to_swap(tmp_path)
    data = bytearray(swap.read_bytes())
    at = place(bytes(data[:PAGE])).first
    struct.pack_into("<Q", data, at + 8 * number, value)
    swap.write_bytes(data)
    done = inspect(swap)
    assert done.returncode == 1
    assert f"  damage        block {at // PAGE}, agent image: {what}" in done.stdout


@pytest.mark.parametrize("swap", [True, False])
def test_an_image_in_a_partition(tmp_path: Path, swap: bool) -> None:
    content = (saved_to_swap(tmp_path) if swap else saved(tmp_path)).read_bytes()
    whole = tmp_path / "whole"
    whole.write_bytes(gpt((64, len(content) // 512)).ljust(64 * 512, b"\0") + content)
    assert "a partition table (GPT) (--partition N looks into" in inspect(whole).stdout
    done = inspect(whole, "--partition", "1")
    assert done.returncode == 0, done.stderr
    assert ": an armed hibernation image of the userspace agent\n" in done.stdout


def test_an_image_in_a_swap_file(tmp_path: Path) -> None:
    swap = saved_to_swap(tmp_path)
    header = swap.read_bytes()[:PAGE]
    moved = 200
    with swap.open("r+b") as disk:
        disk.write(bytes(PAGE))
        disk.seek(moved * PAGE)
        disk.write(header)
    assert "no hibernation image, but" in inspect(swap).stdout
    done = inspect(swap, "--offset", str(moved))
    assert done.returncode == 0, done.stderr
    assert f"slots of a swap, whose header is block {moved}\n" in done.stdout
