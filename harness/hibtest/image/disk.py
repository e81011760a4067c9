"""A disk file as blocks: raw or qcow2, whole or one of its partitions."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hibtest.errors import HostError, SpecError
from hibtest.given import opened
from hibtest.image.blocks import FileBlocks
from hibtest.image.header import PAGE_SIZE
from hibtest.image.identify import contained
from hibtest.image.partition import find_partition
from hibtest.image.qcow2 import leads
from hibtest.image.unpack import unpacked


@contextmanager
def open_disk(
    source: Path, *, partition: int | None = None, backing: bool = False
) -> Iterator[FileBlocks]:
    """Open a disk, or one of its partitions, as blocks.

    A qcow2 disk is first unpacked to a sparse file in the temporary directory.

    :param source: A raw or qcow2 file, or a block device.
    :param partition: Number of a partition, from 1; ``None`` for the whole disk.
    :param backing: Whether a qcow2 disk may lead to other files, which are opened then.
    :raise SpecError: When there is no such partition.
    :raise HostError: When the disk cannot be opened or unpacked, or leads to other files.
    """
    with opened(source, "disk") as given, _as_raw(source, given, backing=backing) as fd:
        whole = _blocks(source, fd, 0, _size(source, fd))
        if partition is None:
            yield whole
            return
        if container := contained(whole):
            raise SpecError(f"{source}: no disk with partitions, but {container}")
        part = find_partition(fd, str(source), partition)
        yield _blocks(source, fd, part.start, part.size)


def _blocks(source: Path, fd: int, start: int, size: int) -> FileBlocks:
    count, tail = divmod(size, PAGE_SIZE)
    return FileBlocks(name=str(source), count=count, fd=fd, start=start, tail=tail)


@contextmanager
def _as_raw(source: Path, fd: int, *, backing: bool) -> Iterator[int]:
    if leads(fd, str(source)) is None:
        yield fd
        return
    with unpacked(source, fd, backing=backing) as raw:
        yield raw


def _size(source: Path, fd: int) -> int:
    try:
        size = os.lseek(fd, 0, os.SEEK_END)
    except OSError as error:
        raise HostError(f"{source}: has no size: {error.strerror}") from error
    if not size and os.pread(fd, 1, 0):  # /proc and the like
        raise HostError(f"{source}: has no size: it is made up as it is read")
    return size
