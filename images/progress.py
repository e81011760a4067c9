"""Progress of a build as events; who shows them is the caller's business."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What happened to a step."""

    STARTED = "started"
    ENDED = "ended"
    WAITING = "waiting"  # another process is doing it


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that happened to a step of a build.

    :ivar what: The step in a few words.
    :ivar seconds: How long it took, once it has ended.
    """

    what: str
    state: State
    seconds: float = 0.0


Report = Callable[[Step], None]  # called from several threads


@contextmanager
def step(report: Report, what: str) -> Iterator[None]:
    """Report that a step starts and, unless it raises, that it has ended."""
    start = time.monotonic()
    report(Step(what=what, state=State.STARTED))
    yield
    report(Step(what=what, state=State.ENDED, seconds=time.monotonic() - start))
