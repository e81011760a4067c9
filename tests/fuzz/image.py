"""Images by chance, of the kernel's format and the agent's, and headers of qcow2 disks.

Whatever is in them, they are told of in words; what is called sound is what was written.
"""

import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any

from hibtest.agent.errors import AgentError
from hibtest.agent.image.codecs import codec
from hibtest.agent.image.format import COMMITTED, Record
from hibtest.agent.image.load import frames
from hibtest.agent.target import Source
from hibtest.agent.target.block import open_block
from hibtest.agent.target.raw import RawSink, RawSource
from hibtest.agent.target.swap import SwapSink, SwapSource
from hibtest.cli.inspect_text import lines, to_line
from hibtest.errors import HibtestError, SpecError
from hibtest.image.qcow2 import MAGIC, leads
from hibtest.image.survey import Survey, survey_disk
from hibtest.printable import printable, printable_json
from tests.agent import bench
from tests.image.mutate import Target, spots_of, target
from tests.image.test_fuzz import FLAGGED, KINDS, check
from tests.image.writer import PAGE, Recipe, stream, write

_STREAM = b"".join(stream(Recipe(words=FLAGGED)))
_VALUES: tuple[Any, ...] = (
    0,
    1,
    -1,
    2,
    101,
    1 << 31,
    1 << 49,
    1 << 63,
    "",
    "x",
    "\ud800",
    "\x1b[2J",
    None,
    [],
    {},
)
_NAMES = ("pages", "chunks", "stored", "digest", "codec", "checksum", "release", "mode", "boot_id")


def kernel_image(rng: random.Random) -> None:
    """Read a garbled image of the kernel."""
    name = rng.choice(("lzo", "lzo-flagged-at-offset", "lzo-strided", "lz4", "none"))
    recipe, written = KINDS[name], write(KINDS[name])
    with target(name, written.disk, spots_of(written, recipe.offset)) as it:
        right = survey_disk(it.whole(), offset=recipe.offset)
        with it.garbled(rng) as device, suppress(SpecError):
            check(_shown(survey_disk(device, offset=recipe.offset)), right)


def agent_image(rng: random.Random) -> None:
    """Read a garbled image of the agent; often its record is signed anew."""
    swap = rng.random() < 0.5
    content = bytearray(_saved(swap=swap))
    if rng.random() < 0.5:
        _sign(content, rng)
    with _garbled(bytes(content), rng) as (path, it):
        if rng.random() < 0.5:
            with it.garbled(rng) as device, suppress(SpecError):
                _shown(survey_disk(device))
            return
        found = _shown(survey_disk(it.whole()))
        if found.state == "armed":
            assert found.sound == _resumes(path, swap=swap)


def qcow2_header(rng: random.Random) -> None:
    """Read where a qcow2 disk leads to, of a header of any bytes."""
    words = [
        rng.choice((0, 1, 3, 4, 8, 104, 0x6803F857, 0xE2792ACA, 0x44415441)) for _ in range(64)
    ]
    head = MAGIC + b"".join(word.to_bytes(4, "big") for word in words) + rng.randbytes(64)
    fd = os.memfd_create("qcow2")
    try:
        os.write(fd, head[: rng.randrange(len(head))])
        with suppress(HibtestError):
            found = leads(fd, "disk")
            assert found is None or len(found.backing) + len(found.data) < 4096
    finally:
        os.close(fd)


def _shown(found: Survey) -> Survey:
    assert all(printable(line).isprintable() for line in lines(found, "disk"))
    assert printable_json(to_line(found)).rstrip("\n").isprintable()
    return found


@cache
def _saved(*, swap: bool) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        given, disk = Path(directory) / "stream", Path(directory) / "disk"
        given.write_bytes(_STREAM)
        disk.write_bytes(bytes(1 << 20))
        with bench.swap_in_use(disk) if swap else nullcontext():
            sink = SwapSink("", 32, early=False) if swap else RawSink(str(disk), 32)
            with bench.device(given, bench.scattered()) as snapshot:
                facts = {"release": "6.12.1", "boot_id": "b", "mode": "platform"}
                bench.save(sink, snapshot, compress="zlib", more=facts)
        return disk.read_bytes()


def _sign(content: bytearray, rng: random.Random) -> None:
    at = content.index(COMMITTED)
    record = Record.unpack(bytes(content[at : at + PAGE]))
    facts = dict(record.facts)
    for _ in range(rng.randrange(1, 3)):
        name = rng.choice(_NAMES)
        facts[name] = rng.choice((*_VALUES, facts.get(rng.choice(_NAMES))))
    content[at : at + PAGE] = Record(COMMITTED, facts).pack()


@contextmanager
def _garbled(content: bytes, rng: random.Random) -> Iterator[tuple[Path, Target]]:
    at = content.index(COMMITTED)
    spots = [(at, at + PAGE), (PAGE - 40, PAGE), (PAGE, 2 * PAGE), (0, len(content) // 8)]
    with target(f"agent {rng.random()}", content, spots) as it:
        yield Path(f"/proc/self/fd/{it.fd}"), it


def _resumes(path: Path, *, swap: bool) -> bool:
    """Return whether the agent would hand all of the stream to the kernel."""
    source: Source | None = None
    try:
        block = open_block(str(path))
        source = SwapSource(block) if swap else RawSource(block)
        with closing(source):
            record = Record.unpack(source.record())
            given = b"".join(frames(source, record, codec(record.facts["codec"])))
    except AgentError:
        return False
    assert given == _STREAM
    return True
