"""Exercises of storage: filesystems, their kernel threads, disks, loop devices."""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import re
from collections.abc import Iterator
from pathlib import Path

from hibtest.linux import mounts
from hibtest.linux.descriptors import closing
from hibtest.probe import pages, procfs
from hibtest.probe.audit.exercise import Exercise
from hibtest.probe.base import DISK, RUN, Failed, Lacking

# include/uapi/linux/loop.h
LOOP_SET_FD, LOOP_CLR_FD, LOOP_CTL_GET_FREE = 0x4C00, 0x4C01, 0x4C82
SECTOR = 512


def filesystems() -> str:
    """Write, sync and remove a file on each filesystem that is on a disk."""
    done = []
    for point in writable():
        path = Path(point) / ".hibtest-audit"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, b"audit")
            os.fsync(fd)
        finally:
            os.close(fd)
            path.unlink()
        done.append(point)
    if not done:
        raise Lacking("no filesystem on a disk is mounted for writing")
    return f"wrote and synced on {', '.join(done)}"


def writable() -> list[str]:
    """Return where filesystems on disks are mounted for writing."""
    found: dict[str, str] = {}
    for one in mounts.parse(procfs.raw("/proc/self/mountinfo")):
        if one.source.startswith("/dev/") and "rw" in one.mount_options and not one.fuse:
            found.setdefault(one.device, one.point)
    return list(found.values())


def writeback() -> str:
    """Write to the page cache and have the kernel's flusher write it back."""
    path = DISK / "writeback"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pages.content(16, 40))
    try:
        os.sync()
    finally:
        path.unlink()
    return "sync came back"


def disks() -> str:
    """Read a sector of each disk, past the page cache, from each CPU: each queue has its own."""
    allowed = os.sched_getaffinity(0)
    names = [name for name in sorted(os.listdir("/sys/block")) if real(name)]  # noqa: PTH208
    if not names:
        raise Lacking("there are no disks")
    try:
        for name in names:
            read_everywhere(name)
    finally:
        os.sched_setaffinity(0, allowed)
    return f"read {', '.join(names)} on CPUs {sorted(procfs.cpus())}"


def real(name: str) -> bool:
    size = procfs.number(f"/sys/block/{name}/size")
    return bool(size) and not re.match("(ram|loop|zram|sr|fd)", name)


def read_everywhere(name: str) -> None:
    with closing(os.open(f"/dev/{name}", os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)) as fd:
        size = os.lseek(fd, 0, os.SEEK_END)
        with mmap.mmap(-1, pages.SIZE) as buffer:
            for cpu in sorted(procfs.cpus()):
                os.sched_setaffinity(0, {cpu})
                if os.preadv(fd, [buffer], cpu * pages.SIZE % max(size, 1)) <= 0:
                    raise Failed(f"CPU {cpu} read nothing of {name}")


def loop() -> str:
    """Write and read through a loop device: its workqueue is freezable."""
    try:
        control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise Lacking(f"no loop devices: {error.strerror}") from error
    with closing(control):
        number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
    data = pages.content(4, 41)
    with attached(number) as device:
        os.pwrite(device, data, 0)
        os.fsync(device)
        os.posix_fadvise(device, 0, 0, os.POSIX_FADV_DONTNEED)
        if os.pread(device, len(data), 0) != data:
            raise Failed(f"/dev/loop{number} gave back other data")
    return f"wrote and read /dev/loop{number}"


@contextlib.contextmanager
def attached(number: int) -> Iterator[int]:
    path = RUN / "loop"
    path.write_bytes(bytes(64 * pages.SIZE))
    back = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    device = os.open(f"/dev/loop{number}", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(device, LOOP_SET_FD, back)
        try:
            yield device
        finally:
            fcntl.ioctl(device, LOOP_CLR_FD)
    finally:
        os.close(device)
        os.close(back)
        path.unlink()


EXERCISES = (
    Exercise("filesystems", "filesystems_thaw (fs/super.c, 7.3), jbd2 is thawed", filesystems),
    Exercise("writeback", "thaw_workqueues (kernel/workqueue.c)", writeback),
    Exercise("disks", "dpm_resume: virtblk_restore (drivers/block/virtio_blk.c)", disks),
    Exercise("loop", "thaw_workqueues (kernel/workqueue.c)", loop),
)
