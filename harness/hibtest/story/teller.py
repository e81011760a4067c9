"""From lines to marks and stages, one line after the other."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from hibtest.spec import Outcome, Stage
from hibtest.story.messages import SPLAT_NAMES, recognise
from hibtest.story.stages import after
from hibtest.story.why import Cause, causes


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A line that means something; evidence keeps it with the time at which it came.

    :ivar name: Which mark.
    :ivar line: The line as it was printed.
    :ivar stage: The stage that the log is in from this line on.
    :ivar splat: Whether it tells of a kernel in trouble.
    """

    name: str
    line: str
    stage: Stage
    splat: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What a log tells, from its first line to its last.

    :ivar marks: Its lines that mean something, in their order.
    """

    marks: tuple[Mark, ...] = ()

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages it went through; the last is the one it ended in."""
        told = (Stage.BOOT, *(mark.stage for mark in self.marks))
        return tuple(stage for stage, _ in groupby(told))

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Why it went as it did, the weightiest first: a panic, named after its stage."""
        panics = [
            Cause(outcome=Outcome.PANIC, name=str(mark.stage), reason=mark.line, lines=(mark.line,))
            for mark in self.marks
            if mark.name == "panic"
        ]
        return (*panics[-1:], *causes(self.marks))


class Teller:
    """Follows a log line by line, and keeps of it nothing but the stage, and the last mark.

    :ivar stage: The stage that the log is in; BOOT before its first line.
    """

    def __init__(self) -> None:
        self.stage = Stage.BOOT
        self._last = ""

    def hear(self, line: str) -> Mark | None:
        """Take the next line; return the mark that it is, if it is one."""
        found = recognise(line)
        if found is None:
            return None
        message, _ = found
        if message.behind not in ("", self._last):
            return None
        self._last = message.name
        self.stage = after(self.stage, message)
        splat = message.name in SPLAT_NAMES
        return Mark(name=message.name, line=line, stage=self.stage, splat=splat)

    def enter(self, stage: Stage) -> None:
        """Begin a stage that no line tells of: whoever follows the guest has begun it."""
        self.stage = stage


def read(lines: Iterable[str]) -> Story:
    """Return the story of a log that is there as a whole.

    >>> read(["[    1.2] PM: hibernation: hibernation entry"]).stages
    (<Stage.BOOT: 'BOOT'>, <Stage.FREEZE: 'FREEZE'>)
    """
    teller = Teller()
    heard = (teller.hear(line) for line in lines)
    return Story(marks=tuple(mark for mark in heard if mark is not None))
