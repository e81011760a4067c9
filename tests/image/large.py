"""Writes hibernation images that are large and take no room: their data pages are holes."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.image.writer import PAGE, Recipe, stream, write


def large(path: Path, data_pages: int, *, stride: int = 1) -> Path:
    """Write an uncompressed image of so many data pages, all zero, in blocks that are strewn.

    :param stride: Distance of the blocks.
    """
    meta = -(-data_pages // 512)
    pages = 1 + meta + data_pages
    maps = -(-pages // 511)
    blocks = np.arange(pages, dtype=np.uint64) * np.uint64(stride) + np.uint64(maps + 2)
    small = write(Recipe(codec="none"))
    facts = {"image_pages": data_pages, "pages": pages, "size": pages * PAGE}
    info = stream(Recipe(info={**facts, "num_physpages": 1 << 30}))[0]
    with path.open("wb") as disk:
        disk.write(small.disk[:PAGE])
        disk.write(_map(blocks, maps).tobytes())
        pfns = np.full(meta * 512, 0, np.uint64)
        pfns[:data_pages] = np.arange(data_pages, dtype=np.uint64) * np.uint64(3)
        if data_pages % 512:
            pfns[data_pages] = (1 << 64) - 1
        contents = [info, *(page.tobytes() for page in pfns.reshape(-1, 512))]
        for block, content in zip(blocks.tolist(), contents, strict=False):
            os.pwrite(disk.fileno(), content, block * PAGE)
        disk.truncate((int(blocks[-1]) + 1) * PAGE)
    return path


def _map(blocks: NDArray[np.uint64], maps: int) -> NDArray[np.uint64]:
    rows = np.zeros((maps, 512), np.uint64)
    padded = np.zeros(maps * 511, np.uint64)
    padded[: len(blocks)] = blocks
    rows[:, :511] = padded.reshape(maps, 511)
    rows[:-1, 511] = np.arange(2, maps + 1, dtype=np.uint64)
    return rows
