"""Userspace comes to a stand: who is stopped, who goes on for the sync, who is pushed out."""

from __future__ import annotations

import errno
import os
import select
import signal

from hibtest.agent import pageout, stop, tasks
from hibtest.agent.errors import AgentError
from hibtest.agent.guardian.journal import Journal
from hibtest.agent.log import Facts
from hibtest.agent.needed import find, needed
from hibtest.agent.settings import SaveSettings
from hibtest.linux.descriptors import closing

_NAMED = 5  # tasks that a log line names


class Standstill:
    """The steps before the kernel's freezer; made before anything is stopped.

    :raise AgentError: When the stopper cannot work on this machine.
    """

    def __init__(self, settings: SaveSettings, exempt: frozenset[int]) -> None:
        self._settings = settings
        self._exempt = exempt
        self._stopper = stop.prepare(settings.stopper, exempt)
        self._needed: tuple[int, ...] = ()

    def stop(self, journal: Journal) -> Facts:
        """Stop userspace; say which tasks still run, and why."""
        still = self._stopper.stop(journal, self._settings.patience)
        named = [f"{task.comm}[{task.pid}]: {task.why}" for task in still[:_NAMED]]
        return {**self._stopper.facts(), "still": len(still), "why": named}

    def go_on(self) -> Facts:
        """Continue those that the disks need, so that they can be written to.

        They are left to the kernel's freezer, which stops them last: SNAPSHOT_FREEZE itself
        syncs before it freezes anybody (snapshot_ioctl(), kernel/power/user.c, 6.1 to 7.3), and
        waits for ever for a disk whose process was stopped again after our own sync.
        """
        if self._settings.needed == "none":
            return {"needed": 0}
        chosen = needed(find(running=tuple(self._exempt)))
        self._needed = tuple(need.pid for need in chosen)
        self._stopper.go(self._needed)
        why = [f"{need.comm}[{need.pid}]: {need.why}" for need in chosen[:_NAMED]]
        return {"needed": len(chosen), "why": why}

    def sync(self) -> None:
        """Write everything out, in a child: a sync that waits for ever must not take us along.

        :raise AgentError: When it does not end in time.
        """
        child = os.fork()
        if child == 0:
            os.sync()
            os._exit(0)
        with closing(os.pidfd_open(child)) as fd:
            ready, _, _ = select.select([fd], [], [], self._settings.patience)
            if not ready:
                os.kill(child, signal.SIGKILL)  # when the disk answers again
                raise AgentError(
                    f"sync did not end within {self._settings.patience:.0f} s",
                    "a disk waits for a stopped process: --needed computed continues it",
                    errno.ETIMEDOUT,
                )
            os.waitpid(child, 0)

    def push_out(self) -> Facts:
        """Push the memory of all that stays stopped out to swap."""
        apart = {*self._exempt, *self._needed}
        stopped = {task.pid for task in tasks.walk() if not task.kernel} - apart
        return pageout.run(sorted(stopped), self._settings.page_out)
