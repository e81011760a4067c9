"""A disk as a raw file that may be written to: what the guest sees, below all that it stands on."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hibtest.cycle.storage import Stored
from hibtest.given import opened
from hibtest.image.blocks import Blocks, FileBlocks
from hibtest.image.header import PAGE_SIZE
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


class _Hole(Exception):
    """All that was to be read was never written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written(FileBlocks):
    """The blocks of a file; to look through a layer at a hole takes long, and shows nothing.

    :ivar wanted: How many bytes a run has that may be a hole, when one is asked for: what stands
        above hands on its length, unless it lies in pieces.
    """

    wanted: list[int] = field(default_factory=list)

    def read_run(self, memory: memoryview, first: int) -> None:
        """See :meth:`Blocks.read_run`.

        :raise _Hole: When there is nothing but a hole.
        """
        at = self.start + first * PAGE_SIZE
        if len(memory) in self.wanted and _data(self.fd, at) >= at + len(memory):
            raise _Hole
        FileBlocks.read_run(self, memory, first)


def _data(fd: int, at: int) -> int:
    try:
        return os.lseek(fd, at, os.SEEK_DATA)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return sys.maxsize  # there is no more of it


def _through(stored: Stored, copy: Path) -> None:
    """Copy what the guest sees through the layers of a raw disk, as far as it was written."""
    path = stored.disk.path
    with opened(path, "disk") as fd, copy.open("xb") as file:
        size = os.lseek(fd, 0, os.SEEK_END)
        bottom = _Written(name=str(path), count=size // PAGE_SIZE, fd=fd)
        device: Blocks = bottom
        for view in stored.views:
            device = view(device)
        file.truncate(device.count * PAGE_SIZE)
        memory = memoryview(bytearray(_RUN * PAGE_SIZE))
        for first in range(0, device.count, _RUN):
            part = memory[: min(_RUN, device.count - first) * PAGE_SIZE]
            bottom.wanted[:] = [len(part)]
            with suppress(_Hole):
                device.read_run(part, first)
                os.pwrite(file.fileno(), part, first * PAGE_SIZE)
