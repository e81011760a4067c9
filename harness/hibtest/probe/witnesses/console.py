"""A process that counts on the console."""

from __future__ import annotations

import re
import time

from hibtest.probe import procfs, syscalls
from hibtest.probe.base import Facts, Planted, Witness
from hibtest.probe.detached import child
from hibtest.probe.shared import Words

# What it says means nothing to whoever follows the console: hibtest/story/messages.py.
LINE = "hibtest counts {}"
_SAID = re.compile(r"hibtest counts (\d+)$", re.MULTILINE)
# It says something for a while after it was planted, or looked at: a guest that hangs is to show
# its own last words, and is to be silent when it is. An image takes seconds to be written.
LINES = 16
TICK = 0.1
TICKS = 7  # of which one says a line
COUNT, ASTRAY, SAID, LEFT = range(4)


def counts() -> Planted:
    """A process that counts on the console, through the kernel's log.

    What it says is in the log of the kernel, and on the host: a number that comes twice there
    was said by a process that ran on after the snapshot.

    Planted: ``{"pid", "starttime", "count", "said"}``, ``said`` being the last number it said.
    Found: the same, ``"later"``, a count that was waited for (up to 2 s), ``"astray"``, how often
    the count was not its own, and ``"log"``, the numbers that the kernel's log has.
    """
    words = Words(4)
    words[LEFT] = LINES
    pid = child(lambda: count(words))
    procfs.wait_for(lambda: words[COUNT] > 0, 2)

    def facts() -> Facts:
        return {**procfs.identity(pid), "count": words[COUNT], "said": words[SAID]}

    asked: Facts = {}

    def ask() -> None:
        asked.update(facts())
        words[LEFT] = LINES

    def look() -> Facts:
        procfs.wait_for(lambda: words[COUNT] != asked["count"], 2)
        log = [int(number) for number in _SAID.findall(syscalls.kernel_log())]
        return {**asked, "later": words[COUNT], "astray": words[ASTRAY], "log": log}

    return Planted(facts(), look, ask)


def count(words: Words) -> None:
    """Count, and say every seventh time how often this was said."""
    mine = 0
    while True:
        words[ASTRAY] += words[COUNT] != mine
        if words[LEFT] and mine % TICKS == 0:
            words[LEFT] -= 1
            procfs.write("/dev/kmsg", f"<6>{LINE.format(words[SAID] + 1)}\n")
            words[SAID] += 1
        mine += 1
        words[COUNT] = mine
        time.sleep(TICK)


# What it says would stay in the kernel's log.
WITNESSES = (Witness("working-console", counts, private=False),)
