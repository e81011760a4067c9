"""The device that takes what is written above the snapshots, carved up among them."""

from __future__ import annotations

import array
import errno
import fcntl
import os
import stat
from pathlib import Path

from hibtest.agent.errors import AgentError
from hibtest.agent.target.holds import holds
from hibtest.linux.devices import number
from hibtest.linux.dm import Target

_BLKGETSIZE64 = 0x80081272  # include/uapi/linux/fs.h, on 64-bit machines
_SECTOR = 512
_LEAST = 2048  # sectors a snapshot
_MAGIC = b"SnAp"  # SNAP_MAGIC, drivers/md/dm-snap-persistent.c
_HEADER = 16  # bytes: struct disk_header there


class Scratch:
    """A block device that holds nothing of value, open.

    :ivar device: Its number.
    :ivar sectors: Its size.
    """

    def __init__(self, path: str) -> None:
        """Open it.

        :raise AgentError: When it is no block device, in use, holds something, or could not be
            written to after the snapshot.
        """
        if not path:
            raise AgentError(
                "dm-snapshot needs a device for what is written after the snapshot",
                "--scratch DEV, all of which is overwritten",
            )
        self.path = path
        # O_EXCL: fails when it is mounted, swap, or below another device; not kept, because
        # device mapper wants it for itself
        os.close(_open(path, os.O_EXCL))
        self._fd = _open(path, 0)
        try:
            self.device = number(os.fstat(self._fd).st_rdev)
            self.sectors = _size(self._fd)
            self._check()
        except AgentError:
            self.close()
            raise

    def _check(self) -> None:
        # its worker stands still after the snapshot: WQ_FREEZABLE, loop_configure(),
        # drivers/block/loop.c (6.1 to 7.3)
        if Path(f"/sys/dev/block/{self.device}/loop").exists():
            raise AgentError(
                f"{self.path} is a loop device: the kernel writes to none after the snapshot",
                "name another device",
            )
        left = self._read(0, _HEADER).startswith(_MAGIC)  # by an earlier save
        what = holds(self._read, self.sectors * _SECTOR, _HEADER if left else 0)
        if what:
            raise AgentError(
                f"{self.path} holds {what}, and would be overwritten",
                "name another device, or wipe it: "
                f"wipefs -a {self.path}; dd if=/dev/zero of={self.path} bs=64k count=1",
            )

    def _read(self, at: int, count: int) -> bytes:
        return os.pread(self._fd, count, at)

    def slices(self, count: int, chunk: int) -> list[Target]:
        """Return equal parts of it, as tables.

        :raise AgentError: When it is too small for so many.
        """
        length = self.sectors // count // chunk * chunk
        if length < _LEAST:
            raise AgentError(
                f"{self.path} has {self.sectors} sectors, {count} snapshots need "
                f"{count * _LEAST} at least",
                "name a larger device",
            )
        return [
            Target(0, length, "linear", f"{self.device} {index * length}") for index in range(count)
        ]

    def clear(self, part: Target, chunk: int) -> None:
        """Let a part hold no snapshot: no header and no first area of exceptions.

        :raise OSError: When it cannot be written.
        """
        at = int(part.params.split()[1]) * _SECTOR
        os.pwrite(self._fd, bytes(2 * chunk * _SECTOR), at)
        os.fsync(self._fd)

    def close(self) -> None:
        """Close it."""
        os.close(self._fd)


def _open(path: str, how: int) -> int:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | how)
    except OSError as error:
        busy = error.errno == errno.EBUSY
        why = "it is in use" if busy else error.strerror
        raise AgentError(
            f"scratch device {path}: {why}", "name a block device that nobody uses"
        ) from error
    if not stat.S_ISBLK(os.fstat(fd).st_mode):
        os.close(fd)
        raise AgentError(f"{path} is no block device", "name one that nobody uses")
    return fd


def _size(fd: int) -> int:
    size = array.array("Q", [0])
    fcntl.ioctl(fd, _BLKGETSIZE64, size)
    return size[0] // _SECTOR
