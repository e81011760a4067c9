"""Backing files of a machine's disks: overlays and sparse files."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hibtest.errors import HostError
from hibtest.machine.monitor import Event
from hibtest.machine.shape import Disk
from hibtest.programs import run

_MIB = 1 << 20


def overlay(base: Path, path: Path) -> Path:
    """Create a qcow2 overlay on a raw disk; what is written goes to the overlay alone.

    :return: ``path``.
    :raise HostError: When qemu-img is missing, the base is, or the file system is full.
    """
    if not base.is_file():
        raise HostError(f"{base}: no such disk", hint="hibtest images build")
    with _new(path) as part:
        words: list[str | Path] = [
            "qemu-img",
            "create",
            "-q",
            "-f",
            "qcow2",
            "-F",
            "raw",
            "-b",
            base.absolute(),
        ]
        run([*words, part], f"{path}: no overlay could be made")
    return path


def rebase(path: Path, base: Path) -> None:
    """Let a qcow2 overlay lie on another disk, which is not looked at: it must hold the same.

    :raise HostError: When qemu-img is missing, or the overlay is none.
    """
    words: list[str | Path] = [
        "qemu-img",
        "rebase",
        "-q",
        "-u",
        "-f",
        "qcow2",
        "-F",
        "raw",
        "-b",
        base,
    ]
    run([*words, path], f"{path}: could not be told where the root disk is")


def copy(base: Path, path: Path) -> Path:
    """Copy a raw disk; what is zero in it takes no room, and where the file system can share
    blocks between files, neither does the rest.

    :return: ``path``.
    :raise HostError: When the base is not there, or the file system is full.
    """
    if not base.is_file():
        raise HostError(f"{base}: no such disk", hint="hibtest images build")
    with _new(path) as part:
        words = ["cp", "--reflink=auto", "--sparse=always", "--"]
        run([*words, base, part], f"{path}: no copy could be made")
    return path


def flat(disk: Disk, path: Path) -> Path:
    """Write what a disk holds, with all that it lies on, to a raw one; zeros take no room.

    :return: ``path``.
    :raise HostError: When qemu-img is missing, cannot read it, or the file system is full.
    """
    if not disk.path.is_file():
        raise HostError(f"{disk.path}: no such disk")
    with _new(path) as part:
        words = ["qemu-img", "convert", "-f", str(disk.format), "-O", "raw"]
        run([*words, disk.path.absolute(), part], f"{path}: {disk.path.name} could not be copied")
    return path


def sparse(path: Path, size_mib: int) -> Path:
    """Create a raw disk of zeros that takes no room until it is written to.

    :return: ``path``.
    :raise HostError: When the file system is full or cannot hold such a file.
    """
    with _new(path) as part, part.open("xb") as file:
        file.truncate(size_mib * _MIB)
    return path


def require_room(directory: Path, mib: int) -> None:
    """Check that the file system of a directory has room for what machines will write.

    :raise HostError: When it has not.
    """
    free = shutil.disk_usage(directory).free // _MIB
    if free < mib:
        raise HostError(
            f"{directory}: {free} MiB are free, {mib} MiB are needed for disks",
            hint="free some, or give another directory",
        )


def full_disk(event: Event) -> HostError | None:
    """Return the error that an event amounts to if the host had no room for a guest's write.

    QEMU then sends BLOCK_IO_ERROR with ``nospace`` and stops the guest (qapi/block-core.json,
    QEMU 8.2 to 10.0): what follows says nothing of the guest.
    """
    if event.name != "BLOCK_IO_ERROR" or not event.data.get("nospace"):
        return None
    disk = event.data.get("node-name") or event.data.get("device")
    return HostError(
        f"disk {disk}: the host has no room for what the guest writes", hint="free some"
    )


# A disk is there whole under its name, or not at all.
@contextmanager
def _new(path: Path) -> Iterator[Path]:
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        part.chmod(0o600)  # it will hold a guest's memory
        part.rename(path)
    except OSError as error:
        hint = "free some room there" if error.errno == errno.ENOSPC else None
        raise HostError(f"{path}: {error.strerror}", hint=hint) from error
    finally:
        part.unlink(missing_ok=True)
