"""Whole images that kernels of today write, against what the same kernels print."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.image.e820 import log_checksums
from harness.image.reader import open_image
from tests.image.writer import PAGE

pytestmark = pytest.mark.guest

ROOT = Path(__file__).parents[2]


def hibernated(runs: Path, kernel: str, words: str) -> Path:
    """Hibernate a guest, and do not resume it; return the run's directory."""
    name = f"cold-{kernel}-noresume"
    argv = [sys.executable, "-m", "harness", "run", "-j", "1", "-k", name, "--keep"]
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


@pytest.mark.parametrize(
    ("kernel", "words", "codec"),
    [
        ("bookworm", "", "lzo"),
        ("trixie", "hibernate.compressor=lz4", "lz4"),
        ("backports", "hibernate=nocompress", "none"),
    ],
)
def test_image_of_a_guest(tmp_path: Path, kernel: str, words: str, codec: str) -> None:
    run = hibernated(tmp_path, kernel, words)
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
    assert told["all_zero"] == (0 if kernel != "bookworm" else zero_pages(stream))


def inspected(disk: Path) -> dict[str, object]:
    argv = [sys.executable, "-m", "harness", "inspect", "--json", str(disk)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def zero_pages(stream: bytes) -> int:
    return int((~np.frombuffer(stream, np.uint64).reshape(-1, PAGE // 8).any(axis=1)).sum())
