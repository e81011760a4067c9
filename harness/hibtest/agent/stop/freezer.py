"""Stopper ``freezer``: nothing before SNAPSHOT_FREEZE, which stops everything anyway."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hibtest.agent import tasks
from hibtest.agent.guardian.journal import Notes
from hibtest.agent.stop.base import Still


class Freezer:
    """Lets all run until the kernel's own freezer takes them."""

    def __init__(self) -> None:
        self._user = 0
        self._kernel = 0

    def stop(self, journal: Notes, seconds: float) -> tuple[Still, ...]:
        """Count the tasks; none is stopped, and none is reported: all still run."""
        del journal, seconds
        kernel = [task.kernel for task in tasks.walk()]
        self._kernel = sum(kernel)
        self._user = len(kernel) - self._kernel
        return ()

    def go(self, pids: Iterable[int]) -> None:
        """Do nothing: they run."""

    def facts(self) -> dict[str, Any]:
        """Return how many tasks are left to the kernel."""
        return {"stopper": "freezer", "user": self._user, "kernel": self._kernel}


def prepare(exempt: frozenset[int]) -> Freezer:
    """Return the stopper."""
    del exempt
    return Freezer()


def undo(args: dict[str, Any]) -> None:
    """Do nothing: nothing was done."""
    del args
