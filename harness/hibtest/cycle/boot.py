"""A machine of a cycle: from its start until the guest is ready, has resumed, or has ended."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hibtest.cycle.faults import Armed
from hibtest.cycle.lab import Lab
from hibtest.cycle.proof.stops import Stops
from hibtest.cycle.template import Order, Template, give_up, put_back, template_for
from hibtest.cycle.watch import Happening, Watch
from hibtest.deadline import Deadline
from hibtest.errors import QemuError
from hibtest.events import BootStarted
from hibtest.evidence import Mark
from hibtest.image.place import ImagePlace
from hibtest.machine.argv import threading
from hibtest.machine.process import Machine, start
from hibtest.machine.shape import MachineSpec
from hibtest.reach.console import Console
from hibtest.reach.shell import Shell, connect
from hibtest.spec import Stage
from hibtest.spec.course import BootPlan
from hibtest.story.messages import swap_offset


@dataclass(frozen=True, slots=True)
class Running:
    """A machine that runs, and the watch that follows it.

    :ivar faults: What is made to go wrong with it.
    :ivar stops: Its breakpoints; ``None`` when nothing is to be proved.
    :ivar template: The key of the template that it started from; empty: from its firmware.
    :ivar threads: How QEMU ran its vCPUs; see :func:`hibtest.machine.argv.threading`.
    """

    lab: Lab
    machine: Machine
    watch: Watch
    faults: Armed
    stops: Stops | None = None
    template: str = ""
    threads: str = ""

    def deadline(self, stage: Stage, what: str, times: int = 1) -> Deadline:
        """Return a deadline of the length that ``stage`` may take, or so many times as long."""
        return Deadline.after(times * self.lab.budget.limit(stage), what)

    @property
    def told(self) -> int | None:
        """Where the guest said that its swap file lies: in this boot, or in an earlier one."""
        mark = self.watch.seen("swap-offset")
        return swap_offset(mark.line) if mark else self.lab.told

    @property
    def image(self) -> ImagePlace | None:
        """Where the image lies once the machine has hibernated."""
        return self.lab.storage.image_in(self.lab.job.directory, self.told)

    @property
    def swap(self) -> ImagePlace | None:
        """The swap that the kernel resumes from."""
        return self.lab.storage.swap_in(self.lab.job.directory, self.told)

    def connect(self, stage: Stage) -> Shell:
        """Return a shell in the guest.

        :raise DeadlineExpired: When the guest's SSH server does not answer in time.
        :raise GuestError: When somebody else answers, or the machine has ended.
        """
        files = self.lab.job.files
        deadline = self.deadline(stage, "the guest's SSH server")
        machine = self.machine
        return connect(
            machine.ssh_port,
            files.ssh_key,
            files.host_key,
            deadline,
            gone=lambda: machine.exit() is not None,
        )


@contextmanager
def running(lab: Lab, plan: BootPlan, number: int, directory: Path) -> Iterator[Running]:
    """Start a machine and follow it; whatever happens, it is ended on leaving.

    :raise QemuError: When QEMU does not start.
    """
    spec = lab.machine(plan)
    with ExitStack() as stack:
        order = lab.template(plan)
        machine, template = _started(lab, order, spec, directory, stack)
        before = template.saved.console if template else b""
        console = stack.enter_context(Console(machine.console, before=before))
        elapsed = Deadline.after(0, "").start - lab.began
        lab.sink(BootStarted(t=round(elapsed, 3), boot=number, role=plan.role))
        watch = Watch(machine, console, lab.budget, lab.sink, lab.began, number)
        watch.listen(lambda now: _let_go_on(console, now))
        stops = None if machine.debugger is None else Stops(machine.debugger)
        if stops is not None:
            watch.take_along(stops)
        faults = Armed(plan.faults, watch, spec.disks, lab.server, stops)
        key = template.key if template else ""
        try:
            yield Running(lab, machine, watch, faults, stops, key, threading(spec))
        finally:
            if order and template and not (watch.seen("ready") or watch.seen("returned")):
                give_up(order, template, "a boot from it came to no guest")


def _started(
    lab: Lab, order: Order | None, spec: MachineSpec, directory: Path, stack: ExitStack
) -> tuple[Machine, Template | None]:
    """Start a machine, from a template if there is one that it can go on from."""
    if order and (template := template_for(order)):
        try:
            going_on = start(spec, directory, began=lab.began, saved=template.saved)
            return stack.enter_context(going_on), template
        except QemuError as error:
            put_back(order, template, error)
            shutil.rmtree(directory)
    return stack.enter_context(start(spec, directory, began=lab.began)), None


def _let_go_on(console: Console, now: Happening) -> None:
    """Answer a guest that waits where a template is saved: with the time, and something random."""
    if isinstance(now, Mark) and now.name == "waits":
        console.send(f"{int(time.time())} {os.urandom(32).hex()}")


class Came(StrEnum):
    """What a boot came to."""

    READY = "ready"  # the guest started afresh
    RESUMED = "resumed"  # an earlier write to /sys/power/state returned here
    ENDED = "ended"  # QEMU is gone


def came_up(watch: Watch) -> Came:
    """Wait until a boot has come to something.

    :raise Stalled: When it does not in time.
    """

    def fact() -> Came | None:
        if watch.ended() is not None:
            return Came.ENDED
        if watch.seen("ready"):
            return Came.READY
        return Came.RESUMED if watch.seen("returned") else None

    return watch.until(fact, "a guest that is ready or resumed")
