"""The guardian: a parent that undoes what its child has done, however the child ended.

The worker takes no step back by itself. What it changes it notes in the journal first; when it
has ended, having resumed, having failed, or killed, the guardian carries the journal out. So
there is one way back, and it is taken every time. A second guardian
takes it if the first was killed; if both were, whoever starts the agent next (``recover``).
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, NoReturn

from hibtest.agent.errors import AgentError
from hibtest.agent.guardian import signals
from hibtest.agent.guardian.journal import Journal
from hibtest.agent.guardian.left import WORKER, Left, require_in_memory
from hibtest.agent.guardian.second import stand_by
from hibtest.agent.guardian.undo import carry_out
from hibtest.agent.log import Log

Work = Callable[[Log, Journal], None]


class Ended(NamedTuple):
    """How the worker ended.

    :ivar status: Its exit status, or minus the number of the signal that killed it.
    :ivar errno: Why it failed, 0 when it did not.
    :ivar why: The same, for people.
    :ivar undone: Whether all could be undone.
    """

    status: int
    errno: int
    why: str
    undone: bool


def guarded(log: Log, work: Work) -> Ended:
    """Run ``work`` in a child, and undo all that is in its journal when it has ended.

    :raise AgentError: When another save is under way, what one has left cannot be undone, or the
        journal would not lie in memory.
    """
    require_in_memory()
    with signals.held() as ends, signals.spared():
        left = Left()
        if not _carry_out(log, left):
            raise AgentError("what an earlier save has left cannot be undone", "the log says why")
        worker, second = _fork(log, left, work, ends)
        raw = signals.wait(worker, ends)
        status = os.WEXITSTATUS(raw) if os.WIFEXITED(raw) else -os.WTERMSIG(raw)
        number, why = _reason(log, status)
        undone = _carry_out(log, left, keep=False)
        os.kill(second, signal.SIGKILL)
        os.waitpid(second, 0)
        left.release()
        with suppress(OSError):
            log.say("over", status=status, errno=number, why=why)
    return Ended(status, number, why, undone)


def recover(log: Log) -> bool:
    """Undo what a save has left whose guardians were killed; return whether all could be.

    :raise AgentError: When a save is under way.
    """
    with signals.held(), signals.spared():
        left = Left()
        left.lock(WORKER)
        undone = _carry_out(log, left, keep=False)
        left.release()
    return undone


def _carry_out(log: Log, left: Left, *, keep: bool = True) -> bool:
    undone = carry_out(log, left.journal)
    if undone and not keep:
        left.remove()
    return undone


def _fork(log: Log, left: Left, work: Work, ends: frozenset[int]) -> tuple[int, int]:
    """Start the worker and the second guardian; return their process ids."""
    first = os.getpid()
    read, write = os.pipe()
    worker = os.fork()
    if worker == 0:
        os.close(write)
        signals.of_worker(ends, first)
        second = int(os.read(read, 20) or b"0")
        if second == 0:  # the guardian is gone
            os._exit(1)
        left.lock(WORKER)
        left.journal.guardians = frozenset({first, second})
        _work(log, left.journal, work)
    second = os.fork()
    if second == 0:
        os.close(write)
        stand_by(log, left, first, worker)
    os.write(write, str(second).encode())
    os.close(read)
    os.close(write)
    return worker, second


def _reason(log: Log, status: int) -> tuple[int, str]:
    if status == 0:
        return 0, ""
    if status < 0:
        return errno.ECANCELED, f"the worker was killed by signal {-status}"
    failed = [facts for facts in map(json.loads, log.lines.read()) if "failed" in facts]
    last = failed[-1] if failed else {}
    return last.get("errno") or errno.EIO, last.get("why", f"the worker's status is {status}")


def _work(log: Log, journal: Journal, work: Work) -> NoReturn:
    status = 70  # EX_SOFTWARE
    try:
        work(log, journal)
        status = 0
    except (AgentError, OSError):
        status = 1  # the log has it
    finally:
        if status == 70:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(status)
