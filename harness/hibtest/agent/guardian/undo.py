"""How each kind of change is undone: the one place where a new kind is added.

A guardian may be killed between an undo and the stroke through its entry, and the next one then
undoes it again. So each undo looks first, or sets what is set already: an image that is used up is
left so, a page is given back only where zeros took its place, a snapshot or a freeze that is gone
is left so, SIGCONT and a thaw find who runs, a process in its cgroup is moved there again, and a
setting is written with the same value.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hibtest.agent import kmsg, protect, system
from hibtest.agent.errors import AgentError
from hibtest.agent.guardian.journal import Journal, parsed
from hibtest.agent.image import withdraw
from hibtest.agent.log import Log
from hibtest.agent.stop import cgroup, sigstop
from hibtest.agent.target import raw

UNDO: dict[str, Callable[[dict[str, Any]], None]] = {
    "image": withdraw.undo,
    "replaced": raw.give_back,
    **protect.UNDO,
    "sigstop": sigstop.undo,
    "cgroup": cgroup.undo,
    "image-size": system.undo,
    "pm-debug-messages": kmsg.undo,
}


def carry_out(log: Log, journal: Journal) -> bool:
    """Undo every entry, the newest first, whatever becomes of the others; return whether all were.

    Only what was undone is struck out.
    """
    lines = journal.open()
    if not lines:
        return True
    failed, undone = [], []
    began = round(time.monotonic(), 3)
    _tell(log, begin="undo", t=began)
    for number, line in lines:
        kind = line[:20]
        try:
            kind, args = parsed(line)
            UNDO[kind](args)
            journal.strike(number)
        except Exception as error:  # any mistake in one must not keep the others from it
            failed.append(f"{kind}: {type(error).__name__}: {error}")
        else:
            undone.append(kind)
    seconds = round(time.monotonic() - began, 3)
    _tell(log, step="undo", t=began, seconds=seconds, undone=undone[:20], failed=failed)
    return not failed


def _tell(log: Log, **facts: Any) -> None:
    with suppress(AgentError, OSError):  # a log that takes nothing keeps nobody from undoing
        log.put(facts)
