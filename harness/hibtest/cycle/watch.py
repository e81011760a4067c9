"""One wait for all that a running machine may do: print, send an event, end.

A :class:`Watch` follows one machine. Every line and event goes into its record; which lines
are marks, and which begin a stage, :mod:`hibtest.story` tells. A stage that begins starts its
deadline; :meth:`Watch.until` returns when a fact is there and raises :class:`Stalled` when the
deadline of the stage passes first.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from hibtest import story
from hibtest.cycle import silence
from hibtest.cycle.answers import Garbled
from hibtest.cycle.budget import Budget
from hibtest.deadline import Deadline, wait_readable
from hibtest.errors import HibtestError
from hibtest.events import ConsoleLine, Note, Sink, StageEnded, StageStarted
from hibtest.evidence import Exit, Hang, Mark, QmpEvent, StageTime
from hibtest.machine.disk import full_disk
from hibtest.machine.process import Machine
from hibtest.reach.console import Console
from hibtest.spec import Stage

T = TypeVar("T")
Happening = Stage | Mark | QmpEvent  # a stage that begins, a line, an event
Listener = Callable[[Happening], None]
# What is still to be read once QEMU has ended is on this host already. A busy host takes longer
# than an idle one, and to wait in vain costs nothing but time: the verdict would be INVALID.
_LAST_WORDS = 30.0
_LAST_LINES = 20
# Characters of a boot's console. A guest that prints more than a thousand times what guests print
# would fill the host's disk (console.log, events.jsonl) and memory (marks) until its deadline.
_MOST_PRINTED = 64 << 20
_DYING = 5.0  # s in which a machine whose guest is lost ends, if it does


class Follower(Protocol):
    """Somebody else who waits for something of the machine.

    :ivar over: Whether there is nothing to wait for any more.
    """

    over: bool

    def fileno(self) -> int:
        """Return a descriptor that can be read when :meth:`poll` has something to do."""

    def poll(self) -> None:
        """Do what is to be done, without waiting."""


class Stalled(HibtestError):
    """A stage's deadline passed. This is evidence, not harness trouble.

    :param hang: The stage, the limit and the last console lines.
    """

    def __init__(self, hang: Hang) -> None:
        super().__init__(f"{hang.what} did not come within {hang.limit:.0f} s in {hang.stage}")
        self.hang = hang


@dataclass(slots=True)
class Record:
    """What has been seen so far; grows only."""

    marks: list[Mark] = field(default_factory=list)
    qmp: list[QmpEvent] = field(default_factory=list)
    stages: list[StageTime] = field(default_factory=list)


class Watch:
    """Follows one machine.

    :param began: ``time.monotonic()`` of the run's beginning; all times count from it.
    :param boot: Number of the boot in the run, from 0.
    """

    def __init__(
        self,
        machine: Machine,
        console: Console,
        budget: Budget,
        sink: Sink,
        began: float,
        boot: int,
    ) -> None:
        self.machine = machine
        self.record = Record()
        self._console = console
        self._budget = budget
        self._sink = sink
        self._began = began
        self._boot = boot
        self._drained = False
        self._printed = 0
        self._silence = silence.Silence()
        self._followers: list[Follower] = []
        self._listeners: list[Listener] = []
        self._teller = story.Teller()
        self._enter(self._teller.stage)

    def now(self) -> float:
        """Return how many seconds ago the run began."""
        return round(time.monotonic() - self._began, 3)

    def _enter(self, stage: Stage) -> None:
        limit = self._budget.limit(stage)
        self.stage = stage
        self._since = self.now()
        self._deadline = Deadline.after(limit, f"the end of {stage}")
        self._sink(StageStarted(t=self._since, boot=self._boot, stage=stage, limit=limit))

    def _leave(self) -> None:
        seconds = round(self.now() - self._since, 3)
        self.record.stages.append(StageTime(stage=self.stage, t=self._since, seconds=seconds))
        self._sink(StageEnded(t=self.now(), boot=self._boot, stage=self.stage, seconds=seconds))

    def listen(self, listener: Listener) -> None:
        """Have somebody told of each stage, mark and event, as soon as it is there."""
        self._listeners.append(listener)

    def _tell(self, happening: Happening) -> None:
        for listener in self._listeners:
            listener(happening)

    def take_along(self, follower: Follower) -> None:
        """Have somebody else follow the machine, too, whenever this does."""
        self._followers.append(follower)

    def enter(self, stage: Stage) -> None:
        """End the present stage and begin another; the same one just goes on."""
        self._teller.enter(stage)
        self._follow()

    def _follow(self) -> None:
        """Go on to the stage that the story has come to."""
        stage = self._teller.stage
        if stage is not self.stage:
            self._leave()
            self._enter(stage)
            self._tell(stage)

    def close(self) -> None:
        """Take in what is left and end the present stage."""
        self.pump()
        self._leave()

    def seen(self, name: str) -> Mark | None:
        """Return the last mark of that name, or ``None``."""
        return next((mark for mark in reversed(self.record.marks) if mark.name == name), None)

    def count(self, name: str) -> int:
        """Return how many marks of that name there are."""
        return sum(mark.name == name for mark in self.record.marks)

    def ended(self) -> Exit | None:
        """Return how QEMU ended, or ``None`` while it runs.

        All that it said is taken in then: its end can be seen before its last words are read.
        """
        exit_ = self.machine.exit()
        if exit_ is not None and not self._drained:
            self._drain(Deadline.after(_LAST_WORDS, "QEMU's last events and lines"))
            self._drained = True
        return exit_

    def _drain(self, deadline: Deadline) -> None:
        over = False
        while not over and not deadline.expired:
            over = not self._open()  # asked before pump(): what came last is read after it
            self.pump()
            if sources := self._open():
                wait_readable(sources, deadline)

    def _open(self) -> list[int]:
        monitor, console = self.machine.monitor, self._console
        sources = [] if monitor.gone else [monitor.fileno()]
        return sources if console.eof else [*sources, console.fileno()]

    def pump(self) -> None:
        """Take in what is there, without waiting.

        :raise HostError: When the host's file system is full: QEMU has stopped the guest.
        """
        for line in self._console.lines():
            self._take(line)
        for event in self.machine.monitor.events():
            t = round(event.at - self._began, 3)
            told = QmpEvent(name=event.name, t=t, data=event.data)
            self.record.qmp.append(told)
            self._tell(told)
            full = full_disk(event)
            if full is not None:
                raise full
        for follower in self._followers:
            follower.poll()

    def _take(self, line: str) -> None:
        now = self.now()
        self._silence.broken()
        self._printed += len(line) + 1
        if self._printed > _MOST_PRINTED:
            return
        self._sink(ConsoleLine(t=now, boot=self._boot, text=line))
        mark = self._teller.hear(line)
        if mark is not None:
            noted = Mark(name=mark.name, t=now, line=line, splat=mark.splat)
            self.record.marks.append(noted)
            self._follow()
            self._tell(noted)

    def until(self, fact: Callable[[], T | None], what: str) -> T:
        """Wait for a fact, as long as the present stage, and each that follows, is in time.

        :param fact: Asked after each line or event; ``None`` while it is not there.
        :param what: What is waited for, for the message.
        :raise Stalled: When the deadline of a stage passes.
        :raise Garbled: When the guest has printed more than anybody would read.
        """
        while True:
            self.pump()
            if self._printed > _MOST_PRINTED:
                mib = _MOST_PRINTED >> 20
                raise Garbled(f"the guest printed more than {mib} MiB on its console in one boot")
            value = fact()
            if value is not None:
                return value
            if self._deadline.expired:
                raise Stalled(self.hang(self.stage, what, self._deadline.limit))
            self._wait(what)

    def _wait(self, what: str) -> None:
        """Wait for something to take in, as long as the stage is in time and silence is short."""
        if self._silence.is_long():
            limit = self._deadline.limit
            text = f"nothing on the console for {silence.SECONDS:.0f} s"
            self.note(f"{text}; in {self.stage}, which may take {limit:.0f} s, until {what}")
            return
        left = self._deadline.remaining
        if (until_remark := self._silence.left()) is not None:
            left = min(left, until_remark)
        wait_readable(self._sources(), Deadline.after(left, what))

    def ends(self, seconds: float = _DYING) -> bool:
        """Wait for the machine's end, whatever the stage; return whether it came."""
        deadline = Deadline.after(seconds, "the machine's end")
        while self.ended() is None:
            if deadline.expired:
                return False
            self.pump()
            wait_readable(self._sources(), deadline)
        return True

    def _sources(self) -> list[int]:
        sources = [self.machine.monitor.fileno(), self.machine.fileno()]
        sources += [follower.fileno() for follower in self._followers if not follower.over]
        if not self._console.eof:
            sources.append(self._console.fileno())
        return sources

    def hang(self, stage: Stage, what: str, limit: float) -> Hang:
        """Return the evidence of a guest that stands still; parameters as in :class:`Hang`."""
        return Hang(stage=stage, what=what, limit=limit, lines=self.last_lines())

    def note(self, text: str) -> None:
        """Tell whoever follows the run something in one line."""
        self._sink(Note(t=self.now(), text=text))

    def last_lines(self) -> tuple[str, ...]:
        """Return the last lines of the console."""
        return self._console.last(_LAST_LINES)
