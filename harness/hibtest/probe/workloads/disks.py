"""Filesystems, loop devices and files, made by the guest's own tools."""

from __future__ import annotations

import os
import signal
import subprocess
import zlib
from pathlib import Path

from hibtest.linux.descriptors import closing
from hibtest.probe import pages, procfs
from hibtest.probe.base import DISK, RUN, Facts, Lacking, ProbeError
from hibtest.probe.detached import detach

MIB = 1 << 20
SYS_MODULE = Path("/sys/module")
# Less than what makes a kernel write at once: FUSE may have no more dirty than 1 % of what others
# may (fs/fuse/inode.c fuse_bdi_init(), 6.1 to 7.3).
PAGES = 32
SEED = 40


def run(*argv: str) -> str:
    """Run a program to its end; return what it prints.

    :raise ProbeError: When it fails.
    """
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise ProbeError("program", f"{' '.join(argv)}: status {done.returncode} {' '.join(said)}")
    return done.stdout.strip()


def load(module: str, option: str) -> None:
    """Load a module of the kernel, unless it is there.

    A driver that is built in is known to modprobe by a file of the kernel's modules alone, which a
    guest without modules has not; /sys/module has each driver that has parameters.

    :raise Lacking: When the kernel has none.
    """
    if (SYS_MODULE / module).exists():
        return
    try:
        run("modprobe", module)
    except (ProbeError, FileNotFoundError) as error:
        raise Lacking(f"no driver {module}: {error}", option) from error


def point(name: str) -> Path:
    """Return the directory that something is mounted on."""
    path = RUN / "workload" / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def store(name: str) -> Path:
    """Return a directory on the root disk that a server keeps its contents in."""
    return DISK / "workload" / name


def sparse(path: Path, size: int) -> Path:
    """Make a file of holes."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(fd, size)
    os.close(fd)
    return path


def loop(path: Path) -> str:
    """Return the loop device that a file has become."""
    load("loop", "BLK_DEV_LOOP")
    return run("losetup", "-f", "--show", os.fspath(path))


def ext4(device: str, directory: Path) -> None:
    """Make a filesystem that is whole at once, and mount it."""
    run("mke2fs", "-q", "-F", "-t", "ext4", "-E", "lazy_itable_init=0,lazy_journal_init=0", device)
    run("mount", "-t", "ext4", device, os.fspath(directory))


def soil(path: Path, seed: int = SEED) -> int:
    """Write a file, leave its pages dirty, and return its descriptor.

    It is not closed: FUSE writes all that is dirty when a file is closed (fs/fuse/file.c
    fuse_flush(), 6.1 to 7.3).
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.pwrite(fd, pages.content(PAGES, seed), 0)
    return fd


def planted(path: Path, server: Facts) -> Facts:
    """Soil a file, in a process that keeps it open; return ``{"bytes", "crc", "server"}``."""
    ready = RUN / f"{path.parent.name}.dirty"

    def keep() -> None:
        soil(path)
        ready.touch()
        while True:
            signal.pause()

    ready.unlink(missing_ok=True)
    detach(keep, RUN / f"{path.parent.name}.keeper.log")
    procfs.wait_for(ready.exists, 20)
    return {**read(path), "server": server}


def found(path: Path, server: Facts) -> Facts:
    """Return ``{"bytes", "crc", "server", "below", "writes"}`` of a file that was planted.

    ``below`` is what its server gives when the page cache has been dropped, ``writes`` whether
    something new goes all the way down and comes back.
    """
    cached = read(path)
    with closing(os.open(path, os.O_RDONLY)) as fd:
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    return {**cached, "server": server, "below": read(path), "writes": writes(path)}


def read(path: Path) -> Facts:
    data = path.read_bytes()
    return {"bytes": len(data), "crc": zlib.crc32(data)}


def writes(path: Path) -> bool:
    more = path.with_name(path.name + ".more")
    with closing(os.open(more, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)) as fd:
        data = pages.content(16, SEED + 1)
        os.write(fd, data)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        return os.pread(fd, len(data), 0) == data


def again(server: Facts) -> Facts:
    """Return the server as it is now."""
    return procfs.identity(int(server["pid"]))
