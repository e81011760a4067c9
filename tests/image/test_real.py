"""Whole images that kernels of today write, against what the same kernels print."""

import json
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from hibtest.cycle.storage.left import disks_in
from hibtest.deadline import Deadline, poll
from hibtest.image.disk import open_disk
from hibtest.image.e820 import log_checksums
from hibtest.image.reader import open_image
from hibtest.image.stream import after_info
from hibtest.image.survey import survey_disk
from hibtest.image.units import find_units
from hibtest.pytest_snapshotdev import on
from tests.image.writer import PAGE

pytestmark = pytest.mark.guest

ROOT = Path(__file__).parents[2]


def hibernated(runs: Path, kernel: str, words: str) -> Path:
    """Hibernate a guest, and do not resume it; return the run's directory."""
    name = f"cold-{kernel}-noresume"
    argv = [sys.executable, "-m", "hibtest", "run", "-j", "1", "-k", name, "--keep", "--no-proof"]
    done = subprocess.run(
        [*argv, "--append", words, "--runs", runs],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return runs / name / "1"


def printed(run: Path) -> tuple[int, int]:
    """Return how many data and zero pages the kernel says it has saved, PFN pages with them."""
    log = (run / "save" / "console.log").read_text(errors="replace")
    created = re.search(r"Image created \((\d+) pages copied(?:, (\d+) zero pages)?\)", log)
    if created is not None:
        return int(created[1]), int(created[2] or 0)
    saved = re.search(r"aving image data (?:pages )?\((\d+) pages\)", log)
    assert saved is not None, "the kernel told no count"
    return int(saved[1]), -1  # 7.3: all pages but the first


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A guest that has hibernated: which kernel, how compressed, and the run's directory."""

    kernel: str
    codec: str
    run: Path


# One process runs all tests of a guest: it is hibernated once.
GUESTS = [
    pytest.param(guest, id=f"{on(guest[0])}-{guest[1]}")
    for guest in (
        ("bookworm", "lzo", ""),
        ("trixie", "lz4", "hibernate.compressor=lz4"),
        ("backports", "none", "hibernate=nocompress"),
    )
]


@pytest.fixture(scope="module", params=GUESTS)
def guest(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Guest:
    kernel, codec, words = request.param
    run = hibernated(tmp_path_factory.mktemp("runs"), kernel, words)
    return Guest(kernel=kernel, codec=codec, run=run)


def test_image_of_a_guest(guest: Guest) -> None:
    run, codec = guest.run, guest.codec
    data, zero = printed(run)
    with open_image(run / "swap.raw") as image:
        assert image.codec == codec
        stream = b"".join(chunk.data.tobytes() for chunk in image.chunks())
        assert len(stream) == image.info.image_pages * PAGE
        if zero >= 0:
            assert (len(image.pfns), len(image.zero_pfns)) == (data, zero)
        else:
            assert image.info.pages - 1 == data
            assert len(image.zero_pfns) > 0
        assert image.crc is None if codec == "none" else image.crc and image.crc.right
        log = (run / "resume" / "console.log").read_text(errors="replace")
        assert image.info.e820_checksum in log_checksums(log)
    told = inspected(run / "swap.raw")
    assert told["damage"] is None
    assert told["all_zero"] == (0 if guest.kernel != "bookworm" else zero_pages(stream))


def inspected(disk: Path) -> dict[str, object]:
    argv = [sys.executable, "-m", "hibtest", "inspect", "--json", str(disk)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def zero_pages(stream: bytes) -> int:
    return int((~np.frombuffer(stream, np.uint64).reshape(-1, PAGE // 8).any(axis=1)).sum())


RELEASES = {"bookworm": "6.1", "trixie": "6.12", "backports": "7.3"}


def garble(disk: Path, what: str) -> None:
    """Damage an image."""
    with open_disk(disk) as device, open_image(disk) as image:
        assert image.swap_map is not None
        maps, blocks = image.swap_map.pages, image.swap_map.blocks()
        pages = image.info.pages - 1
        rest = after_info(image.swap_map)
        units = [] if image.codec == "none" else find_units(device, rest, pages, image.codec)
        sixth = next((unit.block for unit in islice(units, 5, None)), 0)
    at, data = {
        "magic": (int(blocks[0]) * PAGE + 24, b"\1"),
        "map": (maps[2] * PAGE + 8 * 20, bytes(8)),
        "length": (sixth * PAGE, bytes(8)),
        "data": (sixth * PAGE + 8, b"\xff" * 160),
        "crc": (4060, b"\1\2\3\4"),
    }[what]
    with disk.open("r+b") as file:
        file.seek(at)
        file.write(data)


def resumed(guest: Guest, directory: Path) -> str:
    """Boot a guest from the disks in a directory, and return its console's log."""
    words = shlex.split((guest.run / "resume" / "argv").read_text())
    words = words[: words.index("-serial")]
    words = [
        word.replace(str(guest.run), str(directory)).replace(" noresume ", " ignore_loglevel ")
        for word in words
    ]
    log = directory / "console.log"

    def came_back() -> str | None:
        text = log.read_text(errors="replace") if log.exists() else ""
        # the kernel's last word may come after that of early userspace
        done = "resume came back" in text and "resume failed" in text
        return text if done or qemu.poll() is not None else None

    # an emulated guest that dies before it looks at the image says nothing of it
    text = ""
    for _ in range(3):
        log.unlink(missing_ok=True)
        with subprocess.Popen([*words, "-serial", f"file:{log}"]) as qemu:
            try:
                text = poll(came_back, Deadline.after(200, "the guest's refusal"), every=0.5)
            finally:
                qemu.kill()
        if "hibtest: resume " in text:
            break
    return text


@pytest.mark.parametrize("turn", [0, 1])
def test_kernel_says_what_inspect_says(tmp_path: Path, guest: Guest, turn: int) -> None:
    what = {"lzo": ("length", "data"), "lz4": ("data", "crc"), "none": ("magic", "map")}
    disks = map(str, disks_in(guest.run))
    subprocess.run(["cp", "--sparse=always", *disks, str(tmp_path)], check=True)
    garble(tmp_path / "swap.raw", what[guest.codec][turn])
    with open_disk(tmp_path / "swap.raw") as device:
        replies = survey_disk(device).replies
    [reply] = [one for one in replies if RELEASES[guest.kernel] in one.kernels]
    assert reply.result == "refuses"
    log = resumed(guest, tmp_path)
    for message in reply.messages:
        assert message.replace("(N)", "(-") in log
