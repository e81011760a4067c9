"""A disk file as blocks: raw or qcow2, whole or one of its partitions."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HostError
from harness.image.blocks import Blocks
from harness.image.header import PAGE_SIZE
from harness.image.partition import find_partition

_QCOW2 = b"QFI\xfb"  # QEMU, docs/interop/qcow2.txt
_CONVERT_LIMIT = 600  # seconds


@contextmanager
def open_disk(source: Path, *, partition: int | None = None) -> Iterator[Blocks]:
    """Open a disk, or one of its partitions, as blocks.

    A qcow2 disk is first unpacked to a sparse file in the temporary directory, together with
    the disks that it lies on, as qemu-img sees fit.

    :param source: A raw or qcow2 file, or a block device.
    :param partition: Number of a partition, from 1; ``None`` for the whole disk.
    :raise SpecError: When there is no such partition.
    :raise HostError: When the disk cannot be opened or unpacked.
    """
    with _open(source) as given, _as_raw(source, given) as fd:
        start, size = 0, _size(source, fd)
        if partition is not None:
            part = find_partition(fd, str(source), partition)
            start, size = part.start, part.size
        yield Blocks(name=str(source), count=size // PAGE_SIZE, fd=fd, start=start)


@contextmanager
def _open(path: Path) -> Iterator[int]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO has no writer
    except OSError as error:
        raise HostError(f"{path}: cannot open: {error.strerror}") from error
    try:
        yield fd
    finally:
        os.close(fd)


def _size(source: Path, fd: int) -> int:
    try:
        return os.lseek(fd, 0, os.SEEK_END)
    except OSError as error:
        raise HostError(f"{source}: has no size: {error.strerror}") from error


@contextmanager
def _as_raw(source: Path, fd: int) -> Iterator[int]:
    try:
        magic = os.pread(fd, len(_QCOW2), 0)
    except OSError as error:
        raise HostError(f"{source}: cannot read: {error.strerror}") from error
    if magic != _QCOW2:
        yield fd
        return
    with tempfile.TemporaryDirectory(prefix="hibtest-") as directory:
        raw = Path(directory) / "raw"
        _unpack(source, raw)
        with _open(raw) as unpacked:
            yield unpacked


def _unpack(source: Path, target: Path) -> None:
    if shutil.which("qemu-img") is None:
        raise HostError(f"{source}: a qcow2 disk needs qemu-img", hint="apt install qemu-utils")
    # -U: a machine may still have it open
    argv = ["qemu-img", "convert", "-U", "-f", "qcow2", "-O", "raw"]
    try:
        done = subprocess.run(
            [*argv, source.absolute(), target],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_CONVERT_LIMIT,
        )
    except subprocess.TimeoutExpired as error:
        raise HostError(f"{source}: not unpacked within {_CONVERT_LIMIT} s") from error
    if done.returncode != 0:
        last = done.stderr.strip().splitlines() or ["no reason given"]
        raise HostError(f"{source}: qemu-img cannot unpack it: {last[-1]}")
