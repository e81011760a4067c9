"""A machine of a cycle: from its start until the guest is ready, has resumed, or has ended."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from hibtest.cycle.budget import Budget
from hibtest.cycle.cmdline import NO_SERVER, cmdline
from hibtest.cycle.faults import Armed, with_faults
from hibtest.cycle.proof.stops import Stops
from hibtest.cycle.storage import Storage, modules_of, storage_of
from hibtest.cycle.template import Order, Template, give_up, place_of, put_back, template_for
from hibtest.cycle.watch import Happening, Watch
from hibtest.deadline import Deadline
from hibtest.errors import QemuError
from hibtest.events import BootStarted, Note, Sink
from hibtest.evidence import Boot, Mark
from hibtest.image.place import ImagePlace
from hibtest.imageserver import ImageServer
from hibtest.job import Job
from hibtest.machine.argv import threading
from hibtest.machine.process import Machine, start
from hibtest.machine.shape import Accel, Disk, MachineSpec, Network
from hibtest.reach.console import Console
from hibtest.reach.shell import Shell, connect
from hibtest.spec import GuestFiles, Role, Stage, Target, Unplug
from hibtest.spec.course import BootPlan, course, queues
from hibtest.story.messages import swap_offset

_HOST = "10.0.2.2"  # this host, as a guest of QEMU's user network sees it


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """What all boots of a run have in common.

    :ivar storage: What the guest is stored on.
    :ivar began: ``time.monotonic()`` of the run's beginning.
    :ivar server: The image server beside the run, if there is one.
    :ivar told: Where the guest said that its swap file lies, if it was asked: pages of the device.
    :ivar first: Where it said so first: it may have been made anew since.
    """

    job: Job
    storage: Storage
    budget: Budget
    sink: Sink
    began: float
    server: ImageServer | None = None
    told: int | None = None
    first: int | None = None

    @classmethod
    def of(cls, job: Job, sink: Sink = lambda _: None, began: float | None = None) -> "Lab":
        """Return what the boots of a job have in common."""
        return cls(
            job=job,
            storage=storage_of(job.scenario),
            budget=Budget.of(job.scenario.guest, kvm=Accel(job.host.accel) is Accel.KVM),
            sink=sink,
            began=Deadline.after(0, "").start if began is None else began,
        )

    @property
    def accel(self) -> Accel:
        """What runs the guest's instructions."""
        return Accel(self.job.host.accel)

    @property
    def address(self) -> str:
        """``HOST:PORT`` at which the guest finds the image server."""
        return NO_SERVER if self.server is None else f"{_HOST}:{self.server.address[1]}"

    def machine(self, plan: BootPlan) -> MachineSpec:
        """Return the machine of a boot.

        :raise SpecError: When a fault can never strike in it.
        """
        job, storage, name = self.job, self.storage, plan.guest.kernel
        server = storage.target is Target.SERVER
        files = next((one for one in job.others if one.kernel_name == name), job.files)
        words = cmdline(
            job.scenario,
            storage,
            plan.role,
            server=self.address,
            told=self.told,
            first=self.first,
            waits=place_of(job, storage, plan) or "",
        )
        if files is not job.files:
            words = f"hibtest.modules={modules_of(name)} {words}"
        return MachineSpec(
            qemu=job.qemu,
            accel=self.accel,
            guest=plan.guest,
            kernel=files.kernel,
            initrd=files.initrd,
            cmdline=words,
            disks=with_faults(self._disks(plan), plan.faults, server=server),
            network=Network.OPEN if server else Network.CLOSED,
            debug=job.proof,
            unplugs=any(isinstance(step, Unplug) for step in plan.steps),
            queues=queues(job.scenario),
        )

    def after(self, boot: Boot) -> "Lab":
        """Return the same for the boots after one."""
        offsets = (swap_offset(mark.line) for mark in boot.marks if mark.name == "swap-offset")
        first = next(offsets, None) if self.first is None else self.first
        return replace(self, told=boot.swap_offset, first=first)

    def _disks(self, plan: BootPlan) -> tuple[Disk, ...]:
        job, storage = self.job, self.storage
        disks = list(storage.disks(job.files, job.directory, job.others))
        if plan.role is Role.RESUME and job.scenario.resume.reordered:
            swap = next(at for at, disk in enumerate(disks) if disk.serial == "swap")
            disks[0], disks[swap] = disks[swap], disks[0]
        kexec = _kexec_disks(job.files) if job.scenario.guest.kexec else ()
        return (*disks, *kexec, *storage.more(job.directory)[: plan.guest.more_disks])

    def template(self, plan: BootPlan) -> Order | None:
        """Return what a boot may start from, if it may start from a template."""
        job, place = self.job, place_of(self.job, self.storage, plan)
        if place is None:
            return None
        spec = self.machine(plan)
        plans = (one for one in course(job.scenario) if place_of(job, self.storage, one) is place)

        def note(text: str) -> None:
            elapsed = Deadline.after(0, "").start - self.began
            self.sink(Note(t=round(elapsed, 3), text=f"{plan.name}: {text}"))

        return Order(
            job=job,
            storage=self.storage,
            spec=spec,
            place=place,
            boots=sum(self.machine(one) == spec for one in plans),
            limit=self.budget.limit(Stage.BOOT),
            note=note,
        )

    @property
    def save_word(self) -> str:
        """Where the agent writes an image to, as it takes it."""
        return self.storage.save_word(self.address)


def _kexec_disks(files: GuestFiles) -> tuple[Disk, ...]:
    """Return what a kernel starts another from, by kexec: files as disks."""
    parts = (("kernel", files.kernel), ("initrd", files.initrd))
    return tuple(Disk(serial=f"kexec-{name}", path=path, readonly=True) for name, path in parts)


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
    template = template_for(order) if order else None
    if order is not None and template is not None:
        try:
            saved = template.saved
            return stack.enter_context(
                start(spec, directory, began=lab.began, saved=saved)
            ), template
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
