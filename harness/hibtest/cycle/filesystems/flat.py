"""A disk as a raw file that may be written to: what the guest sees, below all that it stands on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from hibtest.cycle.storage import Stored
from hibtest.image.header import PAGE_SIZE
from hibtest.image.through import seen
from hibtest.machine.disk import flat

_RUN = 256  # blocks that are read at once


@contextmanager
def copied(stored: Stored, directory: Path) -> Iterator[Path]:
    """Copy a disk; the copy is gone on leaving.

    :param directory: Where there is room for it.
    :raise HostError: When it cannot be read, or there is no room.
    :raise SpecError: When what it stands on is not there.
    :raise Damaged: When what it stands on is not as it should be.
    """
    copy = directory / f"{stored.disk.serial}.look.raw"
    try:
        if stored.views:
            _through(stored, copy)
        else:
            flat(stored.disk, copy)
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def _through(stored: Stored, copy: Path) -> None:
    """Copy what the guest sees through the layers of a raw disk, as far as it was written."""
    with seen(stored.disk.path, stored.views) as device, copy.open("xb") as file:
        file.truncate(device.count * PAGE_SIZE)
        memory = memoryview(bytearray(_RUN * PAGE_SIZE))
        for first in range(0, device.count, _RUN):
            count = min(_RUN, device.count - first)
            part = memory[: count * PAGE_SIZE]
            if not device.is_hole(first, count):
                device.read_run(part, first)
                if np.frombuffer(part, np.uint8).any():
                    os.pwrite(file.fileno(), part, first * PAGE_SIZE)
