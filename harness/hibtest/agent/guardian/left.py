"""The journal's file: it outlives its guardians, and who comes next finds it.

In a tmpfs, which a frozen filesystem does not hold up and which is part of the image; named after
the boot, so that no journal of another life is carried out. A guardian holds the lock on its first
byte, the worker that on its second. These are locks of a process: a child has none of them, and
they are gone with the one who has them.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

from hibtest.agent.errors import AgentError, from_os
from hibtest.agent.guardian.journal import SIZE, Journal
from hibtest.linux import devices, mounts

RUN = Path("/run")
GUARDIAN, WORKER = 0, 1
_IN_MEMORY = {"tmpfs", "ramfs", "rootfs"}


class Left:
    """The journal's file, locked by this process.

    :ivar journal: What it has.
    """

    def __init__(self) -> None:
        """Open the file, or make it.

        :raise AgentError: When a save is under way, or the file is not ours.
        """
        self._path = path()
        self._fd = _open(self._path)
        if not self.lock(GUARDIAN, wait=False):
            raise AgentError("another save is under way", "wait until it has ended")
        # its last owner may have removed it before we had the lock
        if os.fstat(self._fd).st_nlink == 0:
            raise AgentError("another save has just ended", "try again")
        try:
            os.posix_fallocate(self._fd, 0, SIZE)  # or a store might find no memory: SIGBUS
        except OSError as error:
            raise from_os(str(self._path), error) from error
        self.journal = Journal(self._fd)

    def lock(self, who: int, *, wait: bool = True) -> bool:
        """Take a lock; return whether we have it."""
        how = fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)
        try:
            fcntl.lockf(self._fd, how, 1, who)
        except BlockingIOError:
            return False
        return True

    def remove(self) -> None:
        """Remove the file: nothing is left to undo."""
        self._path.unlink(missing_ok=True)

    def release(self) -> None:
        """Let others have it. The memory stays shared."""
        os.close(self._fd)


def path() -> Path:
    """Return where the journal of this boot is."""
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return RUN / f"hibtest-agent-{boot_id}.journal"


def require_in_memory() -> None:
    """See that the journal's file would lie in memory.

    :raise AgentError: When it would not: frozen filesystems would hold its writers up.
    """
    number = devices.number(RUN.stat().st_dev)
    listed = mounts.parse(Path("/proc/self/mountinfo").read_bytes())
    kinds = {mount.fstype for mount in listed if mount.device == number}
    if not kinds & _IN_MEMORY:
        found = ", ".join(sorted(kinds)) or "unknown"
        raise AgentError(f"{RUN} is no tmpfs, but {found}", f"mount -t tmpfs tmpfs {RUN}")


def _open(where: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(where, flags, 0o600)
    except OSError as error:
        raise from_os(str(where), error) from error
    found = os.fstat(fd)
    ours = found.st_uid == os.geteuid() and not found.st_mode & 0o077
    if not stat.S_ISREG(found.st_mode) or not ours:
        os.close(fd)
        raise AgentError(f"{where} is not a journal of ours", "look at it, and remove it")
    return fd
