"""Why it went as it did, as far as marks tell: causes, in the words of docs/verdicts.md.

Evidence keeps marks, too, with the time of each: a verdict asks of those what a log is asked.
"""

import errno
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from hibtest.spec import Outcome
from hibtest.story import cpus
from hibtest.story.cpus import LOST
from hibtest.story.marked import Marked
from hibtest.story.refusals import ROLLED_BACK
from hibtest.story.stages import BEGINNINGS
from hibtest.story.tries import Refusal, came_back, excused, last_try, refusal, resumes

# Marks of a kernel, or an agent, that found an image and would not have it.
_LOAD_TROUBLE = frozenset(
    {
        "memory-map",
        "mismatch",
        "hardware-signature",
        "bad-crc",
        "bad-length",
        "bad-unit",
        "load-failed",
        "resume-failed",
        "agent-refused",
    }
)


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
    """Return that the kernel reported trouble: what it said first.

    A device, or a CPU, that refused to stand still is none, when the kernel gave up for it.
    """
    harmless = excused(marks)
    splats = [mark for at, mark in enumerate(marks) if mark.splat and at not in harmless]
    if not splats:
        return None
    lines = tuple(mark.line for mark in splats)
    if splats[0].name == LOST.name:
        reason = cpus.lost(mark for mark in splats if mark.name == LOST.name)
        return Cause(outcome=Outcome.CORRUPT, name="cpu-lost", reason=reason, lines=lines)
    reason = f"the kernel reported {splats[0].name}: {splats[0].line}"
    return Cause(outcome=Outcome.CORRUPT, name="kernel-log", reason=reason, lines=lines)


def why_refused(marks: Sequence[Marked]) -> Cause | None:
    """Return why the last hibernation was refused: the errno that came back of it.

    Where nobody has seen that, the kernel's own line tells what it will have been.
    """
    part = last_try(marks)
    told, code = refusal(part), came_back(part)
    if any(mark.name == ROLLED_BACK for mark in part) and not code:
        return _refused("rolled-back", told, part)
    if code is None and told is not None and not resumes(part) and not _went_on(part, told):
        code = told.errno
    if not code:
        return None
    name = errno.errorcode.get(code, str(code))
    return _refused(name, told, part)


def _refused(name: str, told: Refusal | None, part: Sequence[Marked]) -> Cause:
    last = [mark.line for mark in part if mark.name == "returned"][-1:]
    lines = tuple(dict.fromkeys([*([told.line] if told else []), *last]))
    reason = told.reason if told else lines[0]
    return Cause(outcome=Outcome.REFUSED, name=name, reason=reason, lines=lines)


def _went_on(part: Sequence[Marked], told: Refusal) -> bool:
    return any(mark.name in {"armed", "power-down"} for mark in part[told.at :])


def why_cold(marks: Sequence[Marked]) -> Cause | None:
    """Return why a boot started afresh, ``None`` when nothing shows that a resume was tried."""
    if cause := _why_given_up(marks):
        return cause
    if lines := _lines(marks, {"noresume"}):
        return _cold("noresume", lines[0], lines)
    if lines := _lines(marks, {"no-resume-device"}):
        return _cold("no-resume-device", lines[0], lines)
    if lines := _lines(marks, {"resume-back"}):
        return _cold("no-image", "the kernel found no image on the resume device", lines)
    if lines := _lines(marks, {"agent-no-image"}):
        return _cold("no-image", "the agent found no image", lines)
    return None


def _why_given_up(marks: Sequence[Marked]) -> Cause | None:
    """Return why a resume was given up: what came first, for the rest are its consequences."""
    trouble = [at for at, mark in enumerate(marks) if mark.name in _LOAD_TROUBLE]
    told = refusal(tuple(takewhile(lambda mark: mark.name not in BEGINNINGS, marks)))
    lines = tuple(marks[at].line for at in trouble)
    if told is not None and (not trouble or told.at < trouble[0]):
        lines = (told.line, *lines)
        if told.mark == "device-failed":
            return _cold("device-refused", told.reason, lines)
        if told.mark == "freeze-failed":
            return _cold("freeze-failed", told.reason, lines)
    if not lines:
        return None
    return _cold("image-refused", f"the kernel would not have the image: {lines[0]}", lines)


def _cold(name: str, reason: str, lines: tuple[str, ...]) -> Cause:
    return Cause(outcome=Outcome.COLD_BOOT, name=name, reason=reason, lines=lines)


def _lines(marks: Iterable[Marked], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(mark.line for mark in marks if mark.name in names)
