"""Tries to hibernate, or to resume: which marks are of which, and who would not go on with it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hibtest.spec import Stage
from hibtest.story.devices import device
from hibtest.story.marked import Marked
from hibtest.story.messages import recognise, returned
from hibtest.story.refusals import ERRNOS, ROLLED_BACK
from hibtest.story.stages import BEGINNINGS, after
from hibtest.story.tasks import unfrozen

# try_to_freeze_tasks(), kernel/power/process.c, 6.1 to 7.3, whichever task it was
_EBUSY = 16
_RESUMES = frozenset({"resume-try", "agent-try", "resume"})
# freeze_secondary_cpus(), kernel/cpu.c
_CPU_STAYS = re.compile(r"Error taking (?P<cpu>CPU\d{1,6}) down: -(?P<errno>\d{1,6})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Who would not go on with a hibernation, or a resume.

    :ivar mark: The mark that tells of it; ``at``: which of the marks.
    :ivar line: The kernel's own line.
    :ivar words: What it means in a phrase; empty when the line says all.
    :ivar errno: What it is refused with, 0 for nothing.
    """

    mark: str
    at: int
    line: str
    words: str
    errno: int

    @property
    def reason(self) -> str:
        """All of it in one line."""
        return f"{self.words}: {self.line}" if self.words else self.line


def tries(marks: Iterable[Marked]) -> Iterator[tuple[Marked, ...]]:
    """Yield the marks of one try after the other; first those before any, if there are."""
    part: list[Marked] = []
    for mark in marks:
        if part and (mark.name in BEGINNINGS or mark.name in _RESUMES):
            yield tuple(part)
            part = []
        part.append(mark)
    if part:
        yield tuple(part)


def last_try(marks: Iterable[Marked]) -> tuple[Marked, ...]:
    """Return the marks of the last try, all when nothing shows where it begins."""
    *_, last = ((), *tries(marks))
    return last


def resumes(part: Sequence[Marked]) -> bool:
    """Return whether a try is one to resume."""
    return any(mark.name in _RESUMES or mark.name == "resume-failed" for mark in part)


def came_back(part: Sequence[Marked]) -> int | None:
    """Return the errno that came back of a try, ``None`` when nothing did."""
    told = [
        back.errno for mark in part if mark.name == "returned" and (back := returned(mark.line))
    ]
    return told[-1] if told else None


def refusal(part: Sequence[Marked]) -> Refusal | None:
    """Return who was the first that would not go on with a try."""
    found = (_refusal(at, mark, part) for at, mark in enumerate(part))
    return next(filter(None, found), None)


def _refusal(at: int, mark: Marked, part: Sequence[Marked]) -> Refusal | None:
    words, code = "", ERRNOS.get(mark.name)
    if mark.name == "freeze-failed":
        tasks = unfrozen(part[at:])
        words, code = tasks.words if tasks else "", _EBUSY
    elif one := _refuses(mark):
        words, code = one
    if code is None:
        return None
    return Refusal(mark=mark.name, at=at, line=mark.line, words=words, errno=code)


def _refuses(mark: Marked) -> tuple[str, int] | None:
    """Return what a device or a CPU says that was to stand still and would not, and its errno."""
    if mark.name == "device-failed" and (one := device(mark.line)) and one.refuses:
        return one.words, one.errno
    if mark.name == "cpu-lost" and (found := _CPU_STAYS.search(mark.line)):
        return f"{found['cpu']} could not be taken down", int(found["errno"])
    return None


def excused(marks: Sequence[Marked]) -> set[int]:
    """Return which marks tell of no trouble: a kernel that heard a refusal, and obeyed it.

    One that went on all the same, or said nothing of it, is in trouble.
    """
    found, began = set(), 0
    for part in tries(marks):
        if _given_up(part):
            found |= {began + at for at, mark in enumerate(part) if _refuses(mark)}
        began += len(part)
    return found


def _given_up(part: Sequence[Marked]) -> bool:
    names = {mark.name for mark in part}
    code = came_back(part)
    if code is not None and ROLLED_BACK not in names:
        return code != 0
    return bool(names & {ROLLED_BACK, "resume-failed", "exit"})


def stage_of(part: Sequence[Marked]) -> Stage:
    """Return the stage that a try had come to."""
    stage = Stage.BOOT
    for mark in part:
        if found := recognise(mark.line):
            stage = after(stage, found[0])
    return stage
