"""Stopper ``cgroup``: all of userspace in frozen cgroups (v2), the agent alone in the root one.

The root cgroup cannot be frozen and may always hold processes (the rule that inner cgroups hold
none spares it). So the agent moves there; what else is there moves into a frozen cgroup of ours;
and every other cgroup at the top is frozen where it is. Without systemd all processes are in the
root cgroup and are moved; with systemd none is but the agent.

Pid 1 is frozen too: nobody reaps orphans or feeds a watchdog until it is thawed.
Kernel: kernel/cgroup/freezer.c and cgroup.c, 6.1 to 7.3.
"""

from __future__ import annotations

import errno
import os
import select
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hibtest.agent import tasks
from hibtest.agent.errors import AgentError
from hibtest.agent.guardian.journal import Notes
from hibtest.agent.stop import hierarchy
from hibtest.agent.stop.base import VFORK, Still, why
from hibtest.agent.tasks import STILL, Task

# Where a frozen task sleeps: do_freezer_trap(), inlined in get_signal() (kernel/signal.c), or in
# vfork(), which counts as frozen (cgroup_enter_frozen() in kernel/fork.c).
_TRAPS = VFORK | {"get_signal", "do_freezer_trap"}
_OTHER_WAY = "take another stopper"
_GONE = (errno.ENOENT, errno.ENODEV, errno.ESRCH)


class Cgroup:
    """Freezes the cgroups at the top, and one of ours with what the root cgroup holds."""

    _journal: Notes  # from stop() on

    def __init__(self, root: str, exempt: frozenset[int]) -> None:
        self._root = root
        self._own = f"{root}/hibtest-stopped-{os.getpid()}"
        self._exempt = exempt
        self._kernel: set[int] = set()  # kernel threads, of which the root cgroup is full
        self._origins: dict[int, str] = {}  # the cgroups of those that were taken out
        self._frozen: list[str] = []
        self._moved = self._unfrozen = 0
        self._seconds = 0.0

    def stop(self, journal: Notes, seconds: float) -> tuple[Still, ...]:
        """Freeze all but the exempt; return what is not frozen after ``seconds``.

        :raise AgentError: When the kernel does not let a process be moved or frozen.
        """
        self._journal = journal
        began = time.monotonic()
        self._kernel = {task.pid for task in tasks.walk() if task.kernel}
        journal.add("cgroup", made=self._own, root=self._root)
        _make(self._own)
        _write(f"{self._own}/cgroup.freeze", "1")
        self._frozen.append(self._own)
        for pid in sorted(self._exempt):
            self._take_out(pid)
        self._freeze_top()
        found = self._settle(began + seconds)
        self._seconds = time.monotonic() - began
        return found

    def go(self, pids: Iterable[int]) -> None:
        """Move these processes to the root cgroup, where they run; not what others had frozen."""
        for pid in pids:
            home = hierarchy.cgroup_of(pid, self._root) + "/"
            if any(home.startswith(f"{path}/") for path in self._frozen):
                self._take_out(pid)

    def facts(self) -> dict[str, Any]:
        """Return how many cgroups are frozen, how many processes moved, and in what time."""
        return {
            "stopper": "cgroup",
            "cgroups": len(self._frozen),
            "moved": self._moved,
            "still": self._unfrozen,
            "kernel": len(self._kernel),
            "seconds": round(self._seconds, 3),
        }

    def _take_out(self, pid: int) -> None:
        task, origin = tasks.look(pid), hierarchy.cgroup_of(pid, self._root)
        if task is None or origin in ("", self._root):
            return
        if origin != self._own:  # who is in ours comes from the root cgroup
            self._journal.add("cgroup", moved=[pid, task.started], to=origin)
            self._origins[pid] = origin
        _write(f"{self._root}/cgroup.procs", str(pid))

    def _freeze_top(self) -> None:
        # frozen processes make no cgroups: when nothing is left to freeze, nothing will be
        while True:
            fresh = [path for path in hierarchy.subgroups(self._root) if self._is_thawed(path)]
            if not fresh:
                return
            for path in fresh:
                self._journal.add("cgroup", frozen=path)
                if _write(f"{path}/cgroup.freeze", "1"):
                    self._frozen.append(path)

    def _is_thawed(self, path: str) -> bool:
        try:
            return hierarchy.read(f"{path}/cgroup.freeze").strip() == "0"
        except OSError:  # it is gone
            return False

    def _settle(self, end: float) -> tuple[Still, ...]:
        while self._sweep() and time.monotonic() < end:
            self._freeze_top()
        late = [path for path in self._frozen if not _wait_frozen(path, end)]
        found = tuple(self._still()) if late or self._sweep() else ()
        self._unfrozen = len(found)
        return found

    def _sweep(self) -> int:
        moved = 0
        for task in self._in_root():
            moved += _write(f"{self._home(task)}/cgroup.procs", str(task.pid))
        self._moved += moved
        return moved

    def _in_root(self) -> Iterator[Task]:
        for pid in hierarchy.members(self._root):
            if pid in self._exempt or pid in self._kernel:
                continue
            task = tasks.look(pid)
            if task is None:
                continue
            if task.kernel:
                self._kernel.add(pid)
            else:
                yield task

    def _home(self, task: Task) -> str:
        # what one that was taken out has started belongs where its parent does
        home = self._origins.get(task.pid) or self._origins.get(task.ppid)
        if home is None:
            return self._own
        if task.pid not in self._origins:
            self._origins[task.pid] = home
        return home

    def _still(self) -> Iterator[Still]:
        for task in tasks.walk():
            if task.kernel or task.pid in self._exempt or task.state in STILL:
                continue
            if task.state == "R" or tasks.wchan(task.pid, task.tid) not in _TRAPS:
                yield Still(task.pid, task.tid, task.comm, task.state, why(task))


def prepare(exempt: frozenset[int]) -> Cgroup:
    """Return the stopper.

    :raise AgentError: When cgroup v2 is not there, or has threaded cgroups at the top.
    """
    root = hierarchy.mounted_root()
    for path in hierarchy.subgroups(root):
        try:
            kind = hierarchy.read(f"{path}/cgroup.type").strip()
        except OSError:  # it is gone
            continue
        if kind not in ("domain", "domain threaded"):
            raise AgentError(
                f"cgroup {path} is of type {kind}: threads in it belong to processes outside",
                _OTHER_WAY,
            )
    return Cgroup(root, exempt)


def undo(args: dict[str, Any]) -> None:
    """Undo one entry: thaw a cgroup, bring a process back, or empty and remove our cgroup.

    :raise AgentError: When the kernel does not let it.
    """
    if "frozen" in args:
        _write(f"{args['frozen']}/cgroup.freeze", "0")
    elif "moved" in args:
        pid, started = args["moved"]
        task = tasks.look(pid)
        if task is not None and task.started == started:
            _write(f"{args['to']}/cgroup.procs", str(pid))
    else:
        _remove(args["made"], args["root"])


def _remove(path: str, root: str) -> None:
    # a frozen process forks no more, and runs once it has left: one round finds all of them
    for pid in hierarchy.members(path):
        _write(f"{root}/cgroup.procs", str(pid))
    try:
        Path(path).rmdir()
    except FileNotFoundError:
        return
    except OSError as error:
        raise AgentError(
            f"cgroup {path} cannot be removed: {error.strerror}", f"rmdir {path}"
        ) from error


def _make(path: str) -> None:
    try:
        Path(path).mkdir()
    except OSError as error:
        raise AgentError(f"cgroup {path} cannot be made: {error.strerror}", _OTHER_WAY) from error


def _write(path: str, text: str) -> bool:
    # False when the cgroup, or the process that was to be moved, is gone
    try:
        hierarchy.write(path, text)
    except OSError as error:
        if error.errno in _GONE:
            return False
        raise AgentError(f"{path} does not take {text}: {error.strerror}", _OTHER_WAY) from error
    return True


def _wait_frozen(path: str, end: float) -> bool:
    # cgroup.events wakes with POLLPRI when a value in it changes (cgroup v2 documentation)
    try:
        fd = os.open(f"{path}/cgroup.events", os.O_RDONLY)
    except OSError:  # it is gone
        return True
    try:
        poll = select.poll()
        poll.register(fd, select.POLLPRI)
        while b"frozen 1" not in os.pread(fd, 4096, 0):
            left = end - time.monotonic()
            if left <= 0:
                return False
            poll.poll(1000 * left)
    except OSError:  # it went meanwhile
        return True
    finally:
        os.close(fd)
    return True
