"""Stopper ``sigstop``: SIGSTOP to every process of userspace, until two passes agree.

Parents are stopped before their children and continued after them. A parent that is itself
stopped in between cannot learn by waitpid(WUNTRACED) that its child was: SIGCONT takes that news
back (prepare_signal(), kernel/signal.c, 6.1 to 7.3). Shells keep their foreground jobs that way.

The kernel discards SIGSTOP to pid 1; kernel threads ignore all signals.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from hibtest.agent import tasks
from hibtest.agent.guardian.journal import Notes
from hibtest.agent.stop.base import VFORK, Still, why
from hibtest.agent.tasks import STILL, Task

# A task that is in state D for so many seconds, whenever looked at, will not stop soon.
_PATIENCE = 1.0
_PAUSE = 0.002, 0.02  # s; between passes, the first and the longest
_NEW = 64  # ids that are looked at one by one; of more a walk is quicker
_BATCH = 128  # processes in one entry of the journal


class View(NamedTuple):
    """What one pass found, without the exempt.

    :ivar leaders: Each process's leader, by process id.
    :ivar running: Tasks that are not stopped, dead or in a tracer's hands.
    :ivar stopping: Processes of which some task is in state T.
    :ivar everybody: (tid, started) of every task of userspace: equal when nothing has changed.
    """

    leaders: dict[int, Task]
    running: list[Task]
    stopping: set[int]
    everybody: frozenset[tuple[int, int]]


class Sigstop:
    """Stops by signal, and remembers whom."""

    _journal: Notes  # from stop() on

    def __init__(self, exempt: frozenset[int]) -> None:
        self._exempt = exempt
        self._mine: dict[int, int] = {}  # when each was started, by process id
        self._before: dict[int, int] = {}  # the same of those that others had stopped
        self._kernel: set[int] = set()
        self._newest = 0
        self._passes = self._still = 0
        self._seconds = 0.0

    def stop(self, journal: Notes, seconds: float) -> tuple[Still, ...]:
        """Stop all processes but the exempt and pid 1; return what still runs."""
        self._journal, self._newest = journal, tasks.newest()
        return self._settle(seconds)

    def go(self, pids: Iterable[int]) -> None:
        """Continue these processes; not those that others had stopped."""
        for pid in pids:
            if pid in self._mine:
                send(pid, self._mine[pid], signal.SIGCONT)

    def facts(self) -> dict[str, Any]:
        """Return how many processes were stopped, in how many passes and seconds."""
        return {
            "stopper": "sigstop",
            "stopped": len(self._mine),
            "before": len(self._before),
            "still": self._still,
            "kernel": len(self._kernel),
            "passes": self._passes,
            "seconds": round(self._seconds, 3),
        }

    def _settle(self, seconds: float) -> tuple[Still, ...]:
        began, pause = time.monotonic(), _PAUSE[0]
        end = began + seconds
        last: frozenset[tuple[int, int]] | None = None
        waits: dict[int, float] = {}  # since when each task is in state D, by thread id
        while True:
            view = self._look()
            now = time.monotonic()
            busy = [task for task in view.running if task.pid != 1]
            waits = {t.tid: waits.get(t.tid, now) for t in busy if t.state == "D"}
            moving = any(now - waits.get(t.tid, now) < _PATIENCE and not _vforks(t) for t in busy)
            if (view.everybody == last and not moving) or now > end:
                break
            self._stop(view, busy)
            self._chase(end)
            last = view.everybody
            if moving:
                select.select([], [], [], pause)
                pause = min(2 * pause, _PAUSE[1])
        self._seconds += time.monotonic() - began
        self._still = len(view.running)
        return tuple(self._explain(task) for task in view.running)

    def _look(self) -> View:
        view = View({}, [], set(), frozenset())
        everybody = set()
        for task in tasks.walk(without=self._kernel):
            if task.kernel:
                self._kernel.add(task.pid)
            elif task.pid not in self._exempt:
                everybody.add((task.tid, task.started))
                if task.tid == task.pid:
                    view.leaders[task.pid] = task
                if task.state not in STILL:
                    view.running.append(task)
                elif task.state == "T":
                    view.stopping.add(task.pid)
        self._passes += 1
        self._note_stopped(view)
        return view._replace(everybody=frozenset(everybody))

    def _note_stopped(self, view: View) -> None:
        for pid in view.stopping & view.leaders.keys():
            if self._mine.get(pid) != view.leaders[pid].started:
                self._before[pid] = view.leaders[pid].started

    def _stop(self, view: View, busy: list[Task]) -> None:
        again, fresh = [], []
        for pid in dict.fromkeys(task.pid for task in busy if task.pid in view.leaders):
            started = view.leaders[pid].started
            mine = [task for task in busy if task.pid == pid]
            if self._mine.get(pid) == started:
                if any(task.state != "D" for task in mine):
                    again.append((pid, started))
            elif pid not in view.stopping and not _will_stop(mine):
                fresh.append((pid, started))
                self._before.pop(pid, None)  # it was, but somebody has continued it
        fresh.sort(key=lambda process: _depth(process[0], view.leaders))
        for at in range(0, len(fresh), _BATCH):
            self._take(fresh[at : at + _BATCH])
        for pid, started in again:
            send(pid, started, signal.SIGSTOP)

    def _take(self, batch: list[tuple[int, int]]) -> None:
        self._journal.add("sigstop", tasks=batch)
        for pid, started in batch:
            if send(pid, started, signal.SIGSTOP):
                self._mine[pid] = started

    def _chase(self, end: float) -> None:
        # A chain of processes that fork and end outruns any walk: look at the newest first, as
        # long as there are new ones.
        while time.monotonic() < end:
            newest = tasks.newest()
            if newest < self._newest:  # ids begin anew: a kernel thread's may be another's now
                self._kernel.clear()
                self._newest = newest
            if newest == self._newest:
                return
            for pid in range(newest, max(self._newest, newest - _NEW), -1):
                self._take_new(pid)
            self._newest = newest

    def _take_new(self, pid: int) -> None:
        task = tasks.look(pid)
        if task is None or task.kernel or task.state in STILL or pid in self._exempt:
            return
        if self._mine.get(pid) != task.started:
            self._take([(pid, task.started)])

    def _explain(self, task: Task) -> Still:
        if task.pid == 1:
            reason = "pid 1"
        elif task.state != "D" and task.pid not in self._mine:
            reason = "forked meanwhile"
        else:
            reason = why(task)
        return Still(task.pid, task.tid, task.comm, task.state, reason)


def prepare(exempt: frozenset[int]) -> Sigstop:
    """Return the stopper."""
    return Sigstop(exempt)


def undo(args: dict[str, Any]) -> None:
    """Continue the processes of one entry, children first, and the traced before all.

    A tracee that is stopped while its signal is in its tracer's hands does not stop any more
    when SIGCONT comes before the tracer goes on (JOBCTL_STOP_DEQUEUED, kernel/signal.c). One that
    was written down but not stopped gets a SIGCONT that changes nothing.
    """
    processes = [(pid, started) for pid, started in reversed(args["tasks"])]
    processes.sort(key=lambda process: not _is_traced(process[0]))
    for pid, started in processes:
        send(pid, started, signal.SIGCONT)


def send(pid: int, started: int, number: signal.Signals) -> bool:
    """Send a signal to a process, unless its id belongs to another one by now."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:  # ended; or the id is a thread's now
        return False
    try:
        task = tasks.look(pid)  # from here on the descriptor names whom we look at
        if task is None or task.started != started:
            return False
        signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True


def _will_stop(busy: list[Task]) -> bool:
    # others have stopped it already: it only has to come out of the kernel
    return all(t.state == "D" and tasks.stop_is_pending(t.pid, t.tid) for t in busy)


def _vforks(task: Task) -> bool:
    # it waits for a child that is stopped
    return task.state == "D" and tasks.wchan(task.pid, task.tid) in VFORK


def _depth(pid: int, leaders: dict[int, Task]) -> int:
    depth = 0
    while pid in leaders and depth < len(leaders):
        pid = leaders[pid].ppid
        depth += 1
    return depth


def _is_traced(pid: int) -> bool:
    task = tasks.look(pid)
    return task is not None and task.state == "t"
