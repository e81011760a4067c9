"""The ways to stop userspace before the snapshot. One more stopper is one more line here.

All of them end in SNAPSHOT_FREEZE, which the kernel demands (snapshot_ioctl(), kernel/power/
user.c, 6.1 to 7.3); they differ in who is stopped before, and how.
"""

from __future__ import annotations

from collections.abc import Callable

from hibtest.agent.errors import AgentError
from hibtest.agent.stop import cgroup, freezer, sigstop
from hibtest.agent.stop.base import Still, Stopper

__all__ = ["STOPPERS", "Still", "Stopper", "prepare"]

STOPPERS: dict[str, Callable[[frozenset[int]], Stopper]] = {
    "freezer": freezer.prepare,
    "sigstop": sigstop.prepare,
    "cgroup": cgroup.prepare,
}


def prepare(how: str, exempt: frozenset[int]) -> Stopper:
    """Return a stopper. Nothing is changed yet.

    :param exempt: Processes that go on: the agent's own.
    :raise AgentError: When there is no such stopper, or it cannot work on this machine.
    """
    make = STOPPERS.get(how)
    if make is None:
        raise AgentError(f"no stopper is called {how!r}", f"one of {', '.join(STOPPERS)}")
    return make(exempt)
