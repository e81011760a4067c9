"""Filesystems frozen by FIFREEZE: nothing is written to them until they are thawed.

Linux kernel, fs/super.c, freeze_super(): their dirty pages and journals are written out first.
A filesystem that is frozen already gives EBUSY (6.1 to 7.3); from 6.6 on the kernel counts its
own freezes apart from those of userspace ("fs: distinguish between user initiated freeze and
kernel initiated freeze").
"""

from __future__ import annotations

import errno
import fcntl
import os
from typing import TYPE_CHECKING, Any

from hibtest.agent.errors import AgentError
from hibtest.agent.protect import filesystems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hibtest.agent.guardian.journal import Notes
    from hibtest.agent.protect.base import Settings
    from hibtest.agent.protect.filesystems import Mounted

KIND = "fsfreeze"  # of its entries in the journal
FIFREEZE, FITHAW = 0xC0045877, 0xC0045878  # _IOWR('X', 119 and 120, int), include/uapi/linux/fs.h
# Filesystems that somebody else had frozen: not ours to thaw.
_others: set[str] = set()


class FsFreeze:
    """Freezes filesystems.

    :ivar mounts: Which, in the order in which they are frozen.
    """

    def __init__(self, mounts: Sequence[Mounted]) -> None:
        """Open them.

        :raise AgentError: When one cannot be opened.
        """
        self.mounts = tuple(mounts)
        self._fds: list[int] = []
        try:
            for mount in self.mounts:
                self._fds.append(filesystems.open_mount(mount))
        except AgentError:
            self.close()
            raise

    def apply(self, journal: Notes) -> dict[str, Any]:
        """Freeze each; those that know no freezing (FAT) are as the sync before left them."""
        frozen, cannot = [], []
        for mount, fd in zip(self.mounts, self._fds):  # noqa: B905 - strict= is of 3.10
            journal.add(KIND, device=mount.device)
            try:
                fcntl.ioctl(fd, FIFREEZE, 0)
            except OSError as error:
                if error.errno != errno.EOPNOTSUPP:
                    raise self._refused(journal, mount, error) from error
                cannot.append(mount.where)
            else:
                frozen.append(mount.where)
        return {"frozen": frozen, "cannot_freeze": cannot}

    def _refused(self, journal: Notes, mount: Mounted, error: OSError) -> AgentError:
        if error.errno == errno.EBUSY:
            journal.add(KIND, device=mount.device, others=True)
            return AgentError(
                f"{mount.where} has been frozen by somebody else", f"fsfreeze -u {mount.where}"
            )
        return AgentError(f"{mount.where} cannot be frozen: {error.strerror}")

    def release(self) -> dict[str, Any]:
        """Change nothing: to thaw ext4 writes to it (ext4_unfreeze(), fs/ext4/super.c)."""
        return {"thawed": []}

    def thaw(self) -> list[str]:
        """Thaw each, newest first; return which."""
        thawed = []
        for mount, fd in reversed(list(zip(self.mounts, self._fds))):  # noqa: B905
            if _thaw(fd):
                thawed.append(mount.where)
        return thawed

    def close(self) -> None:
        """Close the descriptors; nothing is thawed."""
        while self._fds:
            os.close(self._fds.pop())


def prepare(_settings: Settings) -> FsFreeze:
    """Return a protection by freezing all filesystems that could be written to."""
    return FsFreeze(filesystems.writable())


def undo(args: dict[str, Any]) -> None:
    """Thaw a filesystem, unless it is not frozen or was frozen by somebody else.

    :raise AgentError: When it stays frozen.
    """
    device = args["device"]
    if args.get("others"):
        _others.add(device)
        return
    if device in _others:
        return
    last: AgentError | None = None
    for mount in filesystems.mounts():
        if mount.device == device:
            try:
                fd = filesystems.open_mount(mount)
            except AgentError as error:  # something is mounted over it here; maybe not elsewhere
                last = error
                continue
            try:
                _thaw(fd)
            except OSError as error:
                raise AgentError(
                    f"{mount.where} cannot be thawed: {error.strerror}",
                    f"fsfreeze -u {mount.where}",
                ) from error
            finally:
                os.close(fd)
            return
    if last is not None:
        raise last


def _thaw(fd: int) -> bool:
    """Return whether it was frozen.

    :raise OSError: When it is and stays so.
    """
    try:
        fcntl.ioctl(fd, FITHAW, 0)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:
            raise
        return False
    return True
