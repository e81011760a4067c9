"""Guests of one kernel that carry out cases, one guest at a time, kept as long as it lives.

with closing(DeviceGuests(shelf)) as guests:
    answers = guests.carry_out(case)
"""

import json
import os
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from hibtest import story
from hibtest.cycle.answers import typed
from hibtest.cycle.boot import Running
from hibtest.cycle.guest import Guest, kept
from hibtest.cycle.lab import Lab
from hibtest.cycle.probe import Probe
from hibtest.cycle.storage.left import drop_disks
from hibtest.deadline import Deadline, DeadlineExpired
from hibtest.errors import GuestError, HibtestError
from hibtest.events import Sink, Waiting
from hibtest.evidence import Host
from hibtest.job import Job
from hibtest.machine.process import error_of
from hibtest.probe.snapshotdev.server import PORT
from hibtest.snapshotdev.case import Answer, Answers, Case, objection
from hibtest.spec import GuestFiles, GuestSpec, Scenario, Stage, SwapDisk

_SWAP_MIB = 16  # soon full: some cases take all of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What guests are made from.

    :ivar directory: Each guest gets a directory of its own in it.
    """

    files: GuestFiles
    qemu: str
    host: Host
    directory: Path
    sink: Sink


class _Started(msgspec.Struct, frozen=True):
    # which options the guest's kernel lacks, and what shows it
    lacks: dict[str, str]


@dataclass(slots=True)
class _Said:
    # what has come back of a case
    answers: list[Answer] = field(default_factory=list)
    log: tuple[str, ...] = ()
    status: int | None = None

    def take(self, line: str) -> None:
        for key, value in json.loads(line).items():
            if key == "answer":
                self.answers.append(value)
            elif key == "log":
                self.log = tuple(value)
            else:
                self.status = value


class DeviceGuests:
    """Guests of one kernel.

    One that a case has ended, or went wrong in, is replaced when the next case comes.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._began = time.monotonic()
        self._number = 0
        self._append: tuple[str, ...] = ()
        self._stack = ExitStack()
        self._guest: Guest | None = None
        self._lacks: dict[str, str] = {}

    def close(self) -> None:
        """End the guest that there is, if any."""
        self._guest = None
        self._stack.close()

    def carry_out(self, case: Case) -> Answers:
        """Have a guest carry out a case.

        :raise HibtestError: When none could; never for what a kernel does.
        """
        guest = self._up(case.append)
        if lacking := [option for option in case.needs if option in self._lacks]:
            why = "; ".join(f"CONFIG_{option} is off ({self._lacks[option]})" for option in lacking)
            return Answers(release=self._shelf.files.release, inapplicable=why)
        run = guest.run
        run.watch.pump()
        known = len(run.watch.record.marks)
        said = _Said()
        try:
            ended, console = _ask(guest, case, said)
        except HibtestError:
            self.close()
            raise
        # of a guest that is lost the console alone tells what its kernel said
        marks = run.watch.record.marks[known:] if console else []
        answers = Answers(
            release=self._shelf.files.release,
            found=tuple(said.answers),
            log=said.log,
            splats=(
                *(mark.line for mark in marks if mark.splat),
                *(mark.line for mark in story.read(said.log).marks if mark.splat),
            ),
            ended=ended,
            console=console,
        )
        if case.spends or console or objection(case, answers):
            self.close()  # what a case that went wrong leaves behind is not the next one's
        return answers

    def _up(self, append: tuple[str, ...]) -> Guest:
        if self._guest is None or append != self._append:
            self.close()
            self._append = append
            self._guest = self._boot()
        return self._guest

    def _boot(self) -> Guest:
        self._number += 1
        lab = self._lab(self._shelf.directory / f"guest-{self._number}")
        lab.job.directory.mkdir()
        self._stack.callback(drop_disks, lab.job.directory)
        try:
            guest = self._stack.enter_context(kept(lab, self._waits))
            deadline = guest.run.deadline(Stage.PREPARE, "the start of the probe")
            told = Probe(guest.shell, lab.budget.patience).ask("device", deadline)
            self._lacks = typed(told, _Started).lacks
        except HibtestError:
            self.close()
            raise
        return guest

    def _waits(self, text: str) -> None:
        self._shelf.sink(Waiting(t=round(time.monotonic() - self._began, 3), text=text))

    def _lab(self, directory: Path) -> Lab:
        shelf = self._shelf
        scenario = Scenario(
            name=f"device-{shelf.files.kernel_name}",
            guest=GuestSpec(kernel=shelf.files.kernel_name, append=self._append),
            layout=(SwapDisk(size_mib=_SWAP_MIB),),
        )
        job = Job.unkept(scenario, shelf.files, shelf.host, shelf.qemu, directory)
        return Lab.of(job, shelf.sink, self._began)


def _ask(guest: Guest, case: Case, said: _Said) -> tuple[str, tuple[str, ...]]:
    """Have a case carried out; return how it ended, and the console's end of a lost guest."""
    limit = guest.run.lab.budget.limit(Stage.FREEZE)
    line = json.dumps({"steps": [step for step, _ in case.steps], "limit": limit // 2})
    try:
        for text in guest.shell.ask(PORT, line, Deadline.after(limit, f"the end of {case.name}")):
            said.take(text)
        return _ended(said), ()
    except (GuestError, DeadlineExpired) as error:
        return _lost(guest.run, error)


def _lost(run: Running, error: HibtestError) -> tuple[str, tuple[str, ...]]:
    """Tell a guest that is lost by its kernel from trouble of ours, which is raised."""
    over = run.watch.ends()
    lines = run.watch.last_lines()
    if run.watch.seen("panic"):
        return "panic", lines
    if over or not isinstance(error, DeadlineExpired):
        exit_ = run.watch.ended()
        raise (exit_ and error_of(exit_, run.machine.argv)) or error
    return "hung", lines


def _ended(said: _Said) -> str:
    status = said.status
    if status is None:
        raise GuestError("the guest hung up before the case had ended")
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return "ok" if status == 0 else f"status {os.waitstatus_to_exitcode(status)}"
