"""A process left running on purpose: it writes to a file from the snapshot to the power-off.

To show what becomes of that. It is a child made after the snapshot, so there is nothing of it in
the image, and the kernel lets it run: PF_SUSPEND_TASK is inherited (kernel/power/process.c and
kernel/fork.c, 6.1 to 7.3). It must be gone before the others are thawed, because
thaw_processes() warns of it, and before the power-off: a request that it makes to a suspended
disk is never answered, and the last CPU of the disk's queue waits for it for ever when it goes
down (blk_mq_hctx_notify_offline(), block/blk-mq.c; virtblk_freeze(), 6.1 to 7.3).
"""

from __future__ import annotations

import ctypes
import mmap
import os
import select
import signal
import time

from hibtest.agent.errors import from_os

_SIZE = 1 << 20
_PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h
_PAUSE, _PATIENCE = 0.01, 1.0  # s


class Scribbler:
    """Writes to a file, again and again."""

    def __init__(self, path: str) -> None:
        """Make the file; its blocks are there from now on.

        :raise AgentError: When it cannot be written.
        """
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_DIRECT | os.O_CLOEXEC, 0o600)
            self._page = mmap.mmap(-1, _SIZE)
            os.pwrite(self._fd, self._page, 0)
            os.fsync(self._fd)
        except OSError as error:
            raise from_os(path, error) from error
        self._libc = ctypes.CDLL(None)
        self._child = 0

    def start(self) -> None:
        """Leave a process running that writes past the page cache: no journal is waited for."""
        self._child = os.fork()
        if self._child:
            return
        self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        number = 0
        while True:
            number += 1
            self._page[:8] = number.to_bytes(8, "little")
            try:
                os.pwrite(self._fd, self._page, 0)
            except OSError:
                os._exit(1)
            select.select([], [], [], _PAUSE)

    def settle(self) -> None:
        """Give it time to have written, as a save that takes its time would."""
        select.select([], [], [], 10 * _PAUSE)

    def stop(self) -> None:
        """End the process, unless it waits for a filesystem that is frozen."""
        if not self._child:
            return
        os.kill(self._child, signal.SIGKILL)
        last = time.monotonic() + _PATIENCE
        while time.monotonic() < last:
            if os.waitpid(self._child, os.WNOHANG) != (0, 0):
                break
            select.select([], [], [], _PAUSE)
        self._child = 0
