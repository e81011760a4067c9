"""Why it went as it did, as far as marks tell: causes, in the words of docs/verdicts.md.

Evidence keeps marks, too, with the time of each: a verdict asks of those what a log is asked.
"""

import errno
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hibtest.spec import Outcome
from hibtest.story.messages import returned
from hibtest.story.stages import BEGINNINGS

# Marks of a kernel, or an agent, that found an image and would not have it.
_LOAD_TROUBLE = frozenset(
    {
        "memory-map",
        "mismatch",
        "bad-crc",
        "bad-length",
        "bad-unit",
        "load-failed",
        "resume-failed",
        "agent-refused",
    }
)
# Marks with which a hibernation begins or ends, and one of a resume, which freezes tasks, too.
_TURNS = BEGINNINGS | {"returned", "freeze-failed", "resume-failed"}
# try_to_freeze_tasks(), kernel/power/process.c, 6.1 to 7.3, whichever task it was
_FREEZE_FAILED = errno.EBUSY


class Marked(Protocol):
    """A mark, as a log or as evidence has it."""

    @property
    def name(self) -> str:
        """Which mark."""

    @property
    def line(self) -> str:
        """The line as it was printed."""

    @property
    def splat(self) -> bool:
        """Whether it tells of a kernel in trouble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a boot came to an outcome.

    :ivar outcome: What it is the cause of.
    :ivar name: A stable word for machines, as docs/verdicts.md lists them.
    :ivar reason: One line for people.
    :ivar lines: The lines that show it.
    """

    outcome: Outcome
    name: str
    reason: str
    lines: tuple[str, ...]


def causes(marks: Iterable[Marked]) -> tuple[Cause, ...]:
    """Return all causes that marks tell of, the weightiest first.

    A boot that found no image has a cause for that, also where none was to be found.
    """
    seen = tuple(marks)
    rules: tuple[Callable[[Sequence[Marked]], Cause | None], ...] = (
        why_not_ready,
        trouble,
        why_refused,
        why_cold,
    )
    return tuple(cause for rule in rules if (cause := rule(seen)) is not None)


def why_not_ready(marks: Sequence[Marked]) -> Cause | None:
    """Return why a guest that started afresh gave up, in the words of its init."""
    lines = _lines(marks, {"guest-failed"})
    if not lines:
        return None
    return Cause(outcome=Outcome.CORRUPT, name="start-failed", reason=lines[0], lines=lines)


def trouble(marks: Sequence[Marked]) -> Cause | None:
    """Return that the kernel reported trouble: what it said first."""
    splats = [mark for mark in marks if mark.splat]
    if not splats:
        return None
    return Cause(
        outcome=Outcome.CORRUPT,
        name="kernel-log",
        reason=f"the kernel reported {splats[0].name}: {splats[0].line}",
        lines=tuple(mark.line for mark in splats),
    )


def why_refused(marks: Sequence[Marked]) -> Cause | None:
    """Return why the last hibernation was refused: the errno that came back of it."""
    last = next((mark for mark in reversed(marks) if mark.name in _TURNS), None)
    if last is None:
        return None
    code = _FREEZE_FAILED if last.name == "freeze-failed" else _errno(last.line)
    if not code:
        return None
    name = errno.errorcode.get(code, str(code))
    return Cause(outcome=Outcome.REFUSED, name=name, reason=last.line, lines=(last.line,))


def _errno(line: str) -> int:
    back = returned(line)
    return 0 if back is None else back.errno


def why_cold(marks: Sequence[Marked]) -> Cause | None:
    """Return why a boot started afresh, ``None`` when nothing shows that a resume was tried."""
    if lines := _lines(marks, _LOAD_TROUBLE):
        return _cold("image-refused", f"the kernel would not have the image: {lines[0]}", lines)
    if lines := _lines(marks, {"noresume"}):
        return _cold("noresume", lines[0], lines)
    if lines := _lines(marks, {"no-resume-device"}):
        return _cold("no-resume-device", lines[0], lines)
    if lines := _lines(marks, {"resume-back"}):
        return _cold("no-image", "the kernel found no image on the resume device", lines)
    if lines := _lines(marks, {"agent-no-image"}):
        return _cold("no-image", "the agent found no image", lines)
    return None


def _cold(name: str, reason: str, lines: tuple[str, ...]) -> Cause:
    return Cause(outcome=Outcome.COLD_BOOT, name=name, reason=reason, lines=lines)


def _lines(marks: Iterable[Marked], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(mark.line for mark in marks if mark.name in names)
