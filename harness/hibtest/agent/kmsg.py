"""What the kernel says of a hibernation in its log: numbers, and who would not be frozen.

Texts are from kernel/power/snapshot.c, process.c and kernel/sched/core.c, 6.1 to 7.3. From 7.3
on "Need to copy" and "Image created" are printed only with /sys/power/pm_debug_messages, which a
kernel without CONFIG_PM_SLEEP_DEBUG lacks.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from hibtest.agent.guardian.journal import Notes

_DEBUG = "/sys/power/pm_debug_messages"
_RECORD = 16384  # bytes; a read returns one record, EINVAL when it is longer

# Each number of pages, and the text before or after it.
_NUMBERS = (
    ("short", re.compile(r"Image allocation is (\d+) pages short")),
    ("preallocated", re.compile(r"Allocated (\d+) pages for snapshot")),
    ("needed", re.compile(r"Normal pages needed: (\d+) \+ \d+, available pages: \d+")),
    ("available", re.compile(r"Normal pages needed: \d+ \+ \d+, available pages: (\d+)")),
    ("to_copy", re.compile(r"Need to copy (\d+) pages")),
    ("copied", re.compile(r"Image created \((\d+) pages copied")),
    ("zero", re.compile(r"Image created \(\d+ pages copied, (\d+) zero pages\)")),
)
# sched_show_task(), which try_to_freeze_tasks() calls for each task that refuses
_REFUSES = re.compile(r"task:(?P<comm>.*?)\s+state:(?P<state>\S)\s.*?\bpid:\s*(?P<pid>\d+)")


class Refusing(NamedTuple):
    """A task that the kernel's freezer could not freeze."""

    tid: int
    comm: str
    state: str


class KernelLog:
    """Reads what comes into the kernel log from now on. Never waits."""

    def __init__(self) -> None:
        """Open /dev/kmsg.

        :raise OSError: When it cannot be opened.
        """
        self._fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self._fd, 0, os.SEEK_END)
        self.lost = 0  # how often records were overwritten before they were read

    def close(self) -> None:
        """Close it."""
        os.close(self._fd)

    def new(self) -> list[str]:
        """Return the texts that have come since the last call."""
        texts: list[str] = []
        while True:
            try:
                record = os.read(self._fd, _RECORD)
            except BlockingIOError:
                return texts
            except BrokenPipeError:  # overwritten; the next read goes on behind the gap
                self.lost += 1
                continue
            texts.append(text_of(record))


def text_of(record: bytes) -> str:
    """Return the text of a record: its first line, behind the ";".

    >>> text_of(b"6,1,2,-;PM: hibernation: hibernation entry\\n SUBSYSTEM=x\\n")
    'PM: hibernation: hibernation entry'
    """
    line = record.split(b"\n", 1)[0]
    return line.partition(b";")[2].decode(errors="replace")


def numbers(texts: list[str]) -> dict[str, int]:
    """Return the kernel's numbers of pages that are in these lines; the last of each.

    "preallocated": for copies and as reserve, all of which had to be free or made free; "needed"
    and "available": for the copies; "to_copy", "copied", "zero" (not copied, from 6.9 on): of the
    snapshot; "short": what could not be preallocated.
    """
    found = {}
    for text in texts:
        for name, pattern in _NUMBERS:
            match = pattern.search(text)
            if match:
                found[name] = int(match[1])
    return found


def refusing(texts: list[str]) -> tuple[Refusing, ...]:
    """Return the tasks that a failed SNAPSHOT_FREEZE or CREATE_IMAGE names."""
    found = (_REFUSES.search(text) for text in texts)
    return tuple(Refusing(int(m["pid"]), m["comm"].strip(), m["state"]) for m in found if m)


def debug_messages(journal: Notes) -> bool:
    """Have the kernel print its numbers; return ``False`` when it has no switch for that.

    :raise OSError: When the switch cannot be set.
    """
    switch = Path(_DEBUG)
    if not switch.exists():
        return False
    journal.add("pm-debug-messages", old=switch.read_text(encoding="ascii").strip())
    switch.write_text("1", encoding="ascii")
    return True


def undo(args: dict[str, Any]) -> None:
    """Set the switch back."""
    Path(_DEBUG).write_text(args["old"], encoding="ascii")
