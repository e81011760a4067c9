"""How much reading an image costs beside the bare library that decompresses the same units.

    python -m benchmarks.decode DISK [--rounds 15]

Two pairs take turns in one run. *Decoding* in one thread: units in memory, to pages in their
place and their checksum, beside the library called on each of them and nothing else. And *all* of
it on all cores, from the disk file (which is cached by then), beside a bare loop that reads each
unit and decompresses it. What counts are the ratios, of elapsed time and of processor time, which
does not mind so much what else this machine does.
"""

import argparse
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from hibtest.image.blocks import FileBlocks
from hibtest.image.disk import open_disk
from hibtest.image.header import PAGE_SIZE
from hibtest.image.reader import Image, open_image
from hibtest.image.stream import after_info
from hibtest.image.units import CODECS, MAX_UNIT_BLOCKS, UNIT_PAGES, Unit, decode, find_units

UNITS = 16  # as many as ours takes at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Units that follow each other, and their blocks in memory."""

    units: list[Unit]
    raw: memoryview

    def packed(self) -> list[memoryview]:
        """Return the compressed bytes of each unit."""
        sizes = [len(unit.blocks) * PAGE_SIZE for unit in self.units]
        begins = [sum(sizes[:index]) + 8 for index in range(len(sizes))]
        ends = [at + unit.length for at, unit in zip(begins, self.units, strict=True)]
        return [self.raw[at:end] for at, end in zip(begins, ends, strict=True)]


def main() -> int:
    """Measure and print the medians of the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("disk", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with open_disk(options.disk) as device, open_image(options.disk, consumed=True) as image:
        if image.codec == "none":
            parser.error("the image is not compressed")
        before = _peak_mib()
        _all(image)
        peak = _peak_mib() - before
        print(f"{image.codec}, {image.info.size >> 20} MiB, {os.cpu_count()} cores", end="")
        print(f", {peak:.0f} MiB of memory")
        groups = _groups(device, image)
        packed = [data for group in groups for data in group.packed()]
        _compare(
            "decoding, beside the library",
            partial(_decode, groups, image.codec),
            partial(_library, packed, image.codec),
            options.rounds,
        )
        _compare(
            "all, beside reading and the library",
            partial(_all, image),
            partial(_bare, device, groups, image.codec),
            options.rounds,
        )
    return 0


def _compare(name: str, ours: Callable[[], None], bare: Callable[[], None], rounds: int) -> None:
    pairs = [(_timed(ours), _timed(bare)) for _ in range(rounds)]
    elapsed, processor = (
        statistics.median(one[kind] / other[kind] for one, other in pairs) for kind in (0, 1)
    )
    print(f"{name}: {elapsed:.2f} of its time, {processor:.2f} of its processor time")


def _groups(device: FileBlocks, image: Image) -> list[Group]:
    assert image.swap_map is not None  # noqa: S101
    found = find_units(device, after_info(image.swap_map), image.info.pages - 1, image.codec)
    groups = []
    while units := list(islice(found, UNITS)):
        numbers = np.concatenate([unit.blocks for unit in units])
        groups.append(Group(units=units, raw=device.read(numbers, "unit").reshape(-1).data))
    return groups


def _all(image: Image) -> None:
    for _ in image.chunks():
        pass


def _decode(groups: list[Group], codec: str) -> None:
    pages = np.empty((UNITS * UNIT_PAGES, PAGE_SIZE), np.uint8)
    for group in groups:
        decode(group.units, group.raw, codec, pages)


def _library(packed: list[memoryview], codec: str) -> None:
    decompress, _ = CODECS[codec]
    for data in packed:
        decompress(data)


def _bare(device: FileBlocks, groups: list[Group], codec: str) -> None:
    """Read and decompress on all cores, with the means that ours has, and keep nothing."""
    decompress, _ = CODECS[codec]

    def work(group: Group) -> None:
        memory = bytearray(MAX_UNIT_BLOCKS * PAGE_SIZE)
        view = memoryview(memory)
        for unit in group.units:
            os.preadv(device.fd, [view[: 8 + unit.length]], unit.block * PAGE_SIZE)
            # the odd unit that a map page lies within is taken from where it was kept
            whole = int(unit.blocks[-1]) - unit.block == len(unit.blocks) - 1
            decompress(view[8 : 8 + unit.length] if whole else _kept(group, unit))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(work, groups):
            pass


def _kept(group: Group, unit: Unit) -> memoryview:
    return group.packed()[next(n for n, one in enumerate(group.units) if one is unit)]


def _timed(work: Callable[[], None]) -> tuple[float, float]:
    elapsed, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - elapsed, time.process_time() - processor


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
