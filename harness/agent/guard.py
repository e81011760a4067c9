"""The guardian: a parent that undoes what its child has done, however the child ended.

The worker takes no step back by itself. What it changes it notes in the journal first; when it
has ended, having resumed, having failed, or killed, the guardian carries the journal out. So
there is one way back, and it is taken every time.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from harness.agent.errors import AgentError
from harness.agent.journal import Journal
from harness.agent.log import Log
from harness.agent.undo import UNDO

Work = Callable[[Log, Journal], None]
_ASKED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
    """Run ``work`` in a child, and undo all that is in its journal when it has ended."""
    journal = Journal()
    worker = os.fork()
    if worker == 0:
        _work(log, journal, work)
    # whoever wants us to end wants the worker to end, and all undone
    before = {one: signal.signal(one, lambda *_: os.kill(worker, signal.SIGKILL)) for one in _ASKED}
    _, raw = os.waitpid(worker, 0)
    for asked in _ASKED:
        signal.signal(asked, signal.SIG_IGN)
    status = os.WEXITSTATUS(raw) if os.WIFEXITED(raw) else -os.WTERMSIG(raw)
    number, why = _reason(log, status)
    undone = _undo(log, journal)
    for asked, handler in before.items():
        signal.signal(asked, handler)
    log.say("over", status=status, errno=number, why=why)
    return Ended(status, number, why, undone)


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


def _undo(log: Log, journal: Journal) -> bool:
    entries = journal.entries()
    if not entries:
        return True
    failed = []
    with log.step("undo") as facts:
        for kind, args in entries:
            try:
                UNDO[kind](args)
            except (AgentError, OSError) as error:
                failed.append(f"{kind}: {error}")
        facts["undone"] = [kind for kind, _ in entries][:20]
        facts["failed"] = failed
    return not failed
