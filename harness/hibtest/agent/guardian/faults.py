"""Failing on purpose, to show that every step can be undone."""

from __future__ import annotations

import os
import re
import select
import signal
import time
from pathlib import Path

from hibtest.agent.errors import AgentError

_VMSTAT = Path("/proc/vmstat")
_SYSRQ = Path("/proc/sysrq-trigger")
_OOM_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)
_SOON = 10.0  # s


class Faults:
    """Strikes when the save comes to a step.

    ``STEP:kill`` kills the worker there; ``STEP:guardian=N`` sends signal N to the guardian and
    ``STEP:guardians=N`` to both, then fails. Once frozen, they learn of it when they are thawed.
    ``STEP:oom=N`` has the kernel kill N processes for memory, one after the other, then fails.
    """

    def __init__(self, fail_at: str, guardians: frozenset[int]) -> None:
        self._step, _, self._how = fail_at.partition(":")
        self._guardians = guardians

    def strike(self, step: str) -> None:
        """Fail, if this is the step.

        :raise AgentError: When it is.
        """
        if step != self._step:
            return
        if self._how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        whom, _, number = self._how.partition("=")
        if whom == "oom":
            for _ in range(int(number)):
                _kill_for_memory()
        first = os.getppid()
        if whom == "guardians":  # the first one last: we end with it
            for second in self._guardians - {first}:
                os.kill(second, int(number))
        if whom.startswith("guardian"):
            os.kill(first, int(number))
        raise AgentError(f"asked to fail in {step}", number=5)


def _kill_for_memory() -> None:
    """Have the kernel choose a process and kill it, as when memory has run out.

    moom_callback(), drivers/tty/sysrq.c; it works later, __oom_kill_process(), mm/oom_kill.c,
    counts. Both 6.1 to 7.3.
    """
    before = _oom_kills()
    end = time.monotonic() + _SOON
    _SYSRQ.write_text("f")
    while _oom_kills() == before:
        if time.monotonic() > end:
            raise AgentError("asked to kill for memory, the kernel killed nobody", number=5)
        select.select([], [], [], 0.01)


def _oom_kills() -> int:
    found = _OOM_KILLS.search(_VMSTAT.read_text())
    return int(found[1]) if found else 0
