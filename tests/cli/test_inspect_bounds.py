"""Bad input to ``hibtest inspect``: a typed error, in bounded time and memory.

And nothing else is opened, nobody is called, nothing raw reaches the terminal. A case for each
attack that once got through; the kinds of damage, case by case, are in test_inspect_agent.py,
tests/image/test_qcow2.py and tests/image/test_large.py.
"""

import json
import os
import resource
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hibtest.agent.target.swap import place
from tests.cli.test_inspect import LOG, RECIPE
from tests.cli.test_inspect_agent import saved, saved_to_swap
from tests.image.test_qcow2 import upper
from tests.image.writer import PAGE, Recipe, write

SECONDS = 10  # of CPU time
MOST_KB = 300_000
STUCK = 120  # seconds; whoever sleeps so long waits for ever

# what the command opens and calls, and the memory that it and its children take
WATCHED = """
import atexit, json, resource, runpy, sys
seen = {"opened": [], "called": []}

def watch(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        seen["opened"].append(str(args[0]))
    if event.startswith("socket.connect"):
        seen["called"].append(str(args[1]))

def tell():
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    seen["kb"] = max(resource.getrusage(one).ru_maxrss for one in who)
    with open(told, "w") as file:
        json.dump(seen, file)

told = sys.argv.pop(1)
atexit.register(tell)
sys.addaudithook(watch)
runpy.run_module("hibtest", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an inspection ended: status, what it said, and which files it opened."""

    status: int
    out: str
    err: str
    opened: tuple[str, ...]


def bounded(tmp_path: Path, *words: str | Path) -> Ended:
    """Inspect; check all that holds whatever the input is."""
    told = tmp_path / "told"
    argv = [sys.executable, "-c", WATCHED, str(told), "inspect", *map(str, words)]
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=STUCK,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS)),
    )
    seen = json.loads(told.read_text())
    assert seen["kb"] < MOST_KB
    assert seen["called"] == []
    assert done.returncode in {0, 1, 2, 69}, done.stderr
    assert "Traceback" not in done.stderr
    for text in (done.stdout, done.stderr):
        assert text.replace("\n", "").isprintable()
        assert len(text) < 10_000
    return Ended(
        status=done.returncode, out=done.stdout, err=done.stderr, opened=tuple(seen["opened"])
    )


def put(path: Path, at: int, data: bytes) -> Path:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)
    return path


def agent_map(tmp_path: Path) -> tuple[Path, int]:
    """Have the agent write an image to a swap; return it, and where its map lies."""
    swap = saved_to_swap(tmp_path)
    return swap, place(swap.read_bytes()[:PAGE]).first


def test_a_map_of_the_agent_that_names_itself(tmp_path: Path) -> None:
    swap, at = agent_map(tmp_path)
    done = bounded(tmp_path, put(swap, at, struct.pack("<2Q", at, 0)))  # without extents of its own
    assert done.status == 1
    assert "agent image: a page of the image's map has the page at" in done.out


@pytest.mark.parametrize("word", [2, 3])
@pytest.mark.parametrize("value", [1 << 63, (1 << 64) - PAGE, (1 << 63) - PAGE, 1 << 62])
def test_extents_of_the_agent_beyond_all(tmp_path: Path, word: int, value: int) -> None:
    swap, at = agent_map(tmp_path)
    done = bounded(tmp_path, put(swap, at + 8 * word, struct.pack("<Q", value)))
    assert done.status == 1
    assert "agent image: the image has" in done.out


@pytest.mark.parametrize("json_too", [[], ["--json"]])
def test_a_record_with_what_a_terminal_acts_upon(tmp_path: Path, json_too: list[str]) -> None:
    target = saved(tmp_path, release="\x1b]0;owned\x07\u202e\x9b2J\0")
    assert bounded(tmp_path, target, *json_too).status == 0


@pytest.mark.parametrize("name", ["user@host", "x@y", "a@1", "@", "a\x1b[2Jb", "a\u202eb"])
def test_paths_that_look_like_something_else(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    path = tmp_path / name / "swap.raw"
    path.write_bytes(write(Recipe()).disk)
    assert bounded(tmp_path, path).status == 0
    assert bounded(tmp_path, tmp_path / name / "gone").status == 69


def test_no_other_file_is_opened(tmp_path: Path) -> None:
    for name in ("disk", "disk@7"):
        (tmp_path / name).write_bytes(write(Recipe()).disk)
    done = bounded(tmp_path, tmp_path / "disk@7")
    assert done.status == 0
    assert str(tmp_path / "disk@7") in done.opened
    assert str(tmp_path / "disk") not in done.opened


@pytest.mark.parametrize("option", [(), ("--boot",)])
@pytest.mark.parametrize("kind", ["fifo", "/dev/zero", "/dev/kmsg", "directory"])
def test_files_of_other_kinds(tmp_path: Path, option: tuple[str, ...], kind: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "directory").mkdir()
    (tmp_path / "swap").write_bytes(write(Recipe()).disk)
    disk = (tmp_path / "swap",) if option else ()
    done = bounded(tmp_path, *option, tmp_path / kind, *disk)
    assert (done.status, done.out) == (69, "")
    assert f"is no {'log' if option else 'disk'}\n" in done.err


@pytest.mark.parametrize(
    "line", [b"\n", b"B", b"BIOS-e820: ", b"BIOS-e820: [mem \x1b]0;x\x07", b"\xff", b"0" * 40]
)
def test_logs_of_64_mib(tmp_path: Path, line: bytes) -> None:
    disk, log = tmp_path / "disk", tmp_path / "log"
    disk.write_bytes(write(Recipe()).disk)
    log.write_bytes(line * ((64 << 20) // len(line)))
    done = bounded(tmp_path, disk, "--boot", log, "--boot", log)
    assert done.status == 2
    assert f"hibtest: {log}: the log has " in done.err


def test_a_map_of_millions_of_entries(tmp_path: Path) -> None:
    log = tmp_path / "log"
    lines = (f"BIOS-e820: [mem {n:#018x}-{n:#018x}] usable\n" for n in range(1_000_000))
    log.write_text(LOG + "".join(lines))
    assert bounded(tmp_path, "--boot", log, "--boot", log).status in {0, 2}


@pytest.mark.parametrize(
    "name", ["/etc/shadow", "json:{}", "nbd://127.0.0.1:10999", "ssh://host/x", "fifo", "disk"]
)
@pytest.mark.parametrize("words", [[], ["--backing"]])
def test_what_a_qcow2_disk_lies_on(tmp_path: Path, name: str, words: list[str]) -> None:
    os.mkfifo(tmp_path / "fifo")
    disk = upper(name, tmp_path / "disk", "qcow2")
    done = bounded(tmp_path, disk, *words)
    assert done.status == (69 if words else 2)
    if not words:
        assert "this qcow2 disk lies on" in done.err
        assert name not in done.opened


def test_an_image_of_another_machine_that_leads_nowhere(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with disk.open("wb") as file:
        file.truncate(1 << 20)
    for image in (0, 1, 1 << 47, (1 << 63) - 1, (1 << 64) - 1):
        fields = struct.pack("<IIQI10s10s", 0, 0, image, 4, b"SWAPSPACE2", b"S1SUSPEND\0")
        for page in (PAGE, 16384, 65536):
            put(disk, page - len(fields), fields)
            for first in (0, 1, 1 << 47, (1 << 64) - 1):
                put(disk, page, struct.pack("<Q", first))
        assert bounded(tmp_path, disk).status in {0, 1}


def test_a_swap_file_whose_copy_has_no_end(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    content = bytearray(write(RECIPE).disk)
    struct.pack_into("<Q", content, 4064, 1 << 40)
    struct.pack_into("<II", content, 1024, 1, 0xFFFFFF)
    disk.write_bytes(content)
    os.truncate(disk, 1 << 42)
    assert bounded(tmp_path, disk).status == 1
