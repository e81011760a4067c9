"""The state before the hibernation, kept for the comparison after it."""

from __future__ import annotations

import json
from pathlib import Path

from harness.probe import procfs
from harness.probe.base import RUN, Facts, Lacking

FILE = "before.json"


def state() -> Facts:
    """Return the state that hibernation must leave as it was."""
    return {"mem_total": meminfo()["MemTotal"]}


def meminfo() -> dict[str, int]:
    """Return /proc/meminfo, in KiB."""
    lines = [line.split() for line in procfs.read("/proc/meminfo").splitlines()]
    return {words[0].rstrip(":"): int(words[1]) for words in lines}


def record(run: Path) -> None:
    """Record the state in a file of this life."""
    (run / FILE).write_text(json.dumps(state()))


def recorded(run: Path = RUN) -> Facts:
    """Return what was recorded.

    :raise Lacking: When nothing was recorded in this life.
    """
    try:
        return dict(json.loads((run / FILE).read_text()))
    except FileNotFoundError as error:
        raise Lacking("no state was recorded in this life") from error
