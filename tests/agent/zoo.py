"""All the animals at once, and the journal of what is done to them. Run in a guest only."""

from __future__ import annotations

import json
import mmap
import os
import signal
import struct
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from hibtest.agent import kmsg, tasks
from hibtest.agent.stop import cgroup, sigstop
from tests.agent import animals
from tests.agent.animals import child, pause, seen, states, told, wait_until

Facts = dict[str, Any]
COUNTERS = ("busy", "thread", "forks")
UNDO: dict[str, Callable[[Facts], None]] = {
    "sigstop": sigstop.undo,
    "cgroup": cgroup.undo,
    "pm-debug-messages": kmsg.undo,
}


class Journal:
    """Entries in shared memory: they outlive the process that wrote them."""

    def __init__(self, fatal: int = 0) -> None:
        self._area = mmap.mmap(-1, 1 << 20)
        self._fatal = fatal  # the entry whose writer is killed

    def add(self, kind: str, /, **args: Any) -> None:
        entries = [*self.entries(), [kind, args]]
        text = json.dumps(entries).encode()
        self._area[8 : 8 + len(text)] = text
        self._area[:8] = struct.pack("Q", len(text))
        if len(entries) == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def entries(self) -> list[Any]:
        (size,) = struct.unpack("Q", self._area[:8])
        found: list[Any] = json.loads(self._area[8 : 8 + size]) if size else []
        return found

    def undo(self) -> None:
        for kind, args in reversed(self.entries()):
            UNDO[kind](args)


class Zoo(AbstractContextManager["Zoo"]):
    """All the animals, and what they did before anybody stopped them."""

    def __init__(self) -> None:
        self.shell, self.idle = animals.Shell(), animals.Shell()
        holder, held = told(animals.holds_a_tracee)
        follower, followed = told(animals.follows_a_tracee)
        self._fifo = f"/run/keeper-{os.getpid()}"
        os.mkfifo(self._fifo)
        job = self.shell.job("sleep 1001")
        stopped_job = self.idle.job("sleep 1002")
        self.idle.stop_job()
        self.pids = {
            "sleeper": child(animals.wait_for_signals),
            "busy": child(animals.busy),
            "threads": child(animals.threads),
            "stopped": child(lambda: os.kill(os.getpid(), signal.SIGSTOP)),
            "holder": holder,
            "held": held,
            "follower": follower,
            "followed": followed,
            "vfork": child(lambda: animals.vforks(self._fifo)),
            "parent": child(animals.parent),
            "container": animals.container(),
            "shell": self.shell.pid,
            "job": job,
            "idle shell": self.idle.pid,
            "stopped job": stopped_job,
            **{name: child(partial(animals.waits, name)) for name in animals.CALLS},
        }
        wait_until(lambda: self.states()["vfork"] == "D", "a vfork parent")
        wait_until(lambda: self.states()["stopped"] == "T", "a stopped process")
        wait_until(lambda: len(states(self.pids["threads"])) == 1, "sleeping threads")
        wait_until(lambda: seen("thread") and seen("busy"), "counters")
        self.settle()
        self.shell.listen()
        self.idle.listen()

    def __exit__(self, *_: object) -> None:
        """Let the vfork child go, which does not end with its parent as all others do."""
        os.close(os.open(self._fifo, os.O_WRONLY))

    def states(self) -> dict[str, str]:
        # what runs and what waits is not told apart: it goes on
        return {
            name: "".join(sorted({"S" if one == "R" else one for one in have}))
            for name, have in self._letters().items()
        }

    def settle(self) -> None:
        """Wait until whoever was woken has done what it does, and waits again.

        Those that were woken by others on their way run by the second look at the latest.
        """
        for _ in range(2):
            wait_until(lambda: not self._running(), "animals at rest")

    def _running(self) -> list[str]:
        return [
            name
            for name, have in self._letters().items()
            if name not in {"busy", "threads"} and "R" in have
        ]

    def _letters(self) -> dict[str, set[str]]:
        found: dict[int, set[str]] = {}
        for task in tasks.walk():
            found.setdefault(task.pid, set()).add(task.state)
        return {name: found.get(pid, {"-"}) for name, pid in self.pids.items()}


def moves(*goers: str) -> dict[str, bool]:
    """Return which counters move; those that should are given the time they need."""
    first = {name: seen(name) for name in COUNTERS}
    pause(0.2)
    for name in goers:
        wait_until(partial(_beyond, name, first[name]), f"a {name} that moves")
    return {name: _beyond(name, first[name]) for name in COUNTERS}


def _beyond(name: str, count: int) -> bool:
    return seen(name) > count


def go_on() -> float:
    """Wait until the counters move again; return the seconds that it took."""
    began = time.monotonic()
    first = {name: seen(name) for name in ("busy", "thread")}
    wait_until(lambda: all(seen(name) > first[name] for name in first), "counters that move")
    return time.monotonic() - began
