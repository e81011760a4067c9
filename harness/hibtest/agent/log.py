"""What the agent tells, while it works: one JSON line for each step, on the kernel's log.

The kernel's log, because there its lines stand in order with the kernel's own, and go to the
console at once. The same lines are kept in a buffer, to be read after the resume.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hibtest.agent.errors import AgentError
from hibtest.agent.memory import Lines

KMSG = "/dev/kmsg"
_SIZE = 256 << 10
# A record of the kernel's log holds 1024 bytes, prefix included: PRINTKRB_RECORD_MAX,
# kernel/printk/printk.c (6.1 to 7.3).
_LONGEST = 900
Facts = dict[str, Any]


class Log:
    """Says what is done; made before anything is stopped.

    :ivar lines: All that was said.
    """

    def __init__(self, path: str = KMSG) -> None:
        self.lines = Lines(_SIZE)
        self._fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)

    def say(self, text: str, **facts: Any) -> None:
        """Say something."""
        self.put({"say": text, "t": _now(), **facts})

    @contextmanager
    def step(self, name: str) -> Iterator[Facts]:
        """Say that a step begins, and when it has ended how long it took, with ``facts``.

        A step that fails says why.
        """
        began = _now()
        self.put({"begin": name, "t": began})
        facts: Facts = {}
        try:
            yield facts
        except (AgentError, OSError) as error:
            number = error.number if isinstance(error, AgentError) else error.errno
            self.put({"failed": name, "t": _now(), "errno": number, "why": str(error)})
            raise
        self.put({"step": name, "t": began, "seconds": round(_now() - began, 3), **facts})

    def put(self, facts: Facts) -> None:
        """Say facts, in one line."""
        line = json.dumps(facts)
        if len(line) > _LONGEST:
            line = json.dumps({**_first(facts), "cut": len(line)})
        if self.lines.fits(line):
            self.lines.add(line)
        # A line by itself: without its end the kernel would keep it back.
        os.write(self._fd, f"<5>agent: {line}\n".encode())


def _first(facts: Facts) -> Facts:
    """Return what is short among facts."""
    return {name: value for name, value in facts.items() if len(json.dumps(value)) < 200}


def _now() -> float:
    return round(time.monotonic(), 3)
