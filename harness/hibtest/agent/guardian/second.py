"""The second guardian: it waits, and carries the journal out if the first was killed."""

from __future__ import annotations

import os
import select
import signal
from typing import NoReturn

from hibtest.agent.guardian.left import GUARDIAN, WORKER, Left
from hibtest.agent.guardian.undo import carry_out
from hibtest.agent.log import Log


def stand_by(log: Log, left: Left, first: int, worker: int) -> NoReturn:
    """Wait for the worker's end, then for the first guardian's; undo what that left."""
    status = 70  # EX_SOFTWARE
    try:
        _await(worker)
        if os.getppid() == first:
            os.kill(first, signal.SIGCONT)  # stopped, it would undo nothing
        left.lock(GUARDIAN)
        left.lock(WORKER)
        if carry_out(log, left.journal):
            left.remove()
        status = 0
    finally:
        os._exit(status)


def _await(pid: int) -> None:
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:  # it has ended, and somebody has waited for it
        return
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    poll.poll()
