"""Tasks that would not freeze: how many, which, and what each waits in.

try_to_freeze_tasks(), kernel/power/process.c; sched_show_task(), kernel/sched/core.c;
show_freezable_workqueues() and show_pwq(), kernel/workqueue.c, 6.1 to 7.3. Up to 6.1 the first
line is "Freezing of tasks failed"; since 6.2 it says which tasks.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hibtest.story.marked import Marked
from hibtest.story.pattern import line, plain

_FROZEN = re.compile(
    r"Freezing (of tasks|user space processes|remaining freezable tasks) (?P<how>failed|aborted)"
    r"(.*\((?P<tasks>\d{1,9}) tasks refusing to freeze, wq_busy=(?P<busy>\d{1,9})\))?"
)
_TASK = re.compile(r"^task:(?P<comm>.{1,16}?) *state:(?P<state>\S).*?\bpid: *(?P<pid>\d{1,10})")
# A task sleeps in the scheduler's own functions (__sched, which /proc/PID/wchan passes over, too);
# who called them says what it waits for.
_SCHED = (
    r"__schedule|schedule|schedule_\w+|io_schedule\w*|__wait_for_common|wait_for_\w+|"
    r"__mutex_lock[\w.]*|mutex_lock\w*|rwsem_down_\w+|__?down\w*|down_\w+|"
    r"(__|out_of_line_)wait_on_bit\w*|bit_wait\w*"
)
_FRAME = re.compile(rf"^ +(?P<function>(?!(?:{_SCHED})\+)[A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x")
_QUEUE = re.compile(r"^workqueue (?P<queue>\S+): flags=0x")
_WORK = re.compile(r"^ +in-flight: \S*?:(?P<work>[A-Za-z_][\w.]*)")

PATTERNS = (
    line("freeze-failed", _FROZEN.pattern),
    line("task", _TASK.pattern),
    line("waits", _FRAME.pattern, behind="task"),
    line("workqueue", _QUEUE.pattern),
    line("in-flight", _WORK.pattern, behind="workqueue"),
)
_OF_A_FREEZE = frozenset(one.name for one in PATTERNS)
_NAMED = 5  # tasks that are named one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfrozen:
    """What a freeze that came to nothing tells.

    :ivar line: The kernel's line.
    :ivar aborted: Whether an event woke the machine meanwhile.
    :ivar count: Tasks that did not freeze; ``None``: it does not say.
    :ivar busy: Whether a work queue had work that did not end.
    :ivar tasks: The tasks that it names, in words.
    :ivar queues: The work queues that it names, in words.
    """

    line: str
    aborted: bool
    count: int | None
    busy: bool
    tasks: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """All of it in a phrase."""
        parts = ["a wake-up event broke the freeze off"] if self.aborted else []
        if self.count or (self.count is None and not self.aborted):
            parts.append(self._tasks())
        if self.busy:
            parts.append(f"a work queue was busy{_listed(self.queues)}")
        return ", and ".join(parts) or "the freeze came to nothing"

    def _tasks(self) -> str:
        count = "tasks" if self.count is None else f"{self.count} tasks"
        return f"{'1 task' if self.count == 1 else count} did not freeze{_listed(self.tasks)}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f": {', '.join(names[:_NAMED])}{more}" if names else ""


def unfrozen(marks: Iterable[Marked]) -> Unfrozen | None:
    """Return what the first freeze among marks that came to nothing tells, if there is one."""
    found: Unfrozen | None = None
    tasks: list[str] = []
    queues: list[str] = []
    for mark in marks:
        if found and mark.name not in _OF_A_FREEZE:
            break
        text = plain(mark.line)
        if mark.name == "freeze-failed" and (match := _FROZEN.search(text)):
            tasks, queues = [], []
            found = _began(mark.line, match)
        elif mark.name == "task" and (match := _TASK.search(text)):
            tasks.append(f"{match['comm'].strip()} ({match['pid']}, state {match['state']})")
        elif mark.name == "waits" and tasks and (match := _FRAME.search(text)):
            tasks[-1] += f" in {match['function']}"
        elif mark.name == "workqueue" and (match := _QUEUE.search(text)):
            queues.append(match["queue"])
        elif mark.name == "in-flight" and queues and (match := _WORK.search(text)):
            queues[-1] += f" in {match['work']}"
    return found and replace(found, tasks=tuple(tasks), queues=tuple(queues))


def _began(text: str, match: re.Match[str]) -> Unfrozen:
    count = match["tasks"]
    return Unfrozen(
        line=text,
        aborted=match["how"] == "aborted",
        count=None if count is None else int(count),
        busy=bool(int(match["busy"] or 0)),
    )
