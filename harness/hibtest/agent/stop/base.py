"""What all stoppers are: the contract, and what they report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from hibtest.agent import tasks
from hibtest.agent.guardian.journal import Notes


class Still(NamedTuple):
    """A task of userspace that still runs, or may run again.

    :ivar why: "pid 1", "D: WCHAN", "traced by PID", "forked meanwhile", or "STATE: WCHAN" of a
        task that was told to stop and has not. Kernel threads are counted, not reported.
    """

    pid: int
    tid: int
    comm: str
    state: str
    why: str


# Where a parent sleeps until its vfork() child calls exec (kernel/fork.c, 6.1 to 7.3).
VFORK = frozenset({"wait_for_vfork_done", "kernel_clone"})


def why(task: tasks.Task) -> str:
    """Return why a task still runs: "traced by PID", or its state and where it sleeps."""
    tracer = tasks.tracer(task.pid, task.tid)
    if tracer:
        return f"traced by {tracer}"
    return f"{task.state}: {tasks.wchan(task.pid, task.tid) or 'running'}"


class Stopper(Protocol):
    """A way to stop the processes of userspace."""

    def stop(self, journal: Notes, seconds: float) -> tuple[Still, ...]:
        """Stop all that is not exempt; return what still runs after ``seconds`` at most."""

    def go(self, pids: Iterable[int]) -> None:
        """Continue exactly these processes: those of them that this stopper stopped."""

    def facts(self) -> dict[str, Any]:
        """Return what was done, for the log: counts and seconds."""
