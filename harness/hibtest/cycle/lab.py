"""What all boots of a run have in common, and the machine of each of them."""

from dataclasses import dataclass, replace

from hibtest.cycle.budget import Budget
from hibtest.cycle.cmdline import NO_SERVER, cmdline
from hibtest.cycle.faults import with_faults
from hibtest.cycle.storage import Storage, modules_of, storage_of
from hibtest.cycle.template import Order, place_of
from hibtest.deadline import Deadline
from hibtest.events import Note, Sink
from hibtest.evidence import Boot
from hibtest.imageserver import ImageServer
from hibtest.job import Job
from hibtest.machine.shape import Accel, Disk, MachineSpec, Network
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
        )
        place = place_of(job, storage, plan)
        if files is not job.files:
            words = f"hibtest.modules={modules_of(name)} {words}"
        return MachineSpec(
            qemu=job.qemu,
            accel=self.accel,
            guest=plan.guest,
            kernel=files.kernel,
            initrd=files.initrd,
            cmdline=words,
            followed=f"hibtest.wait={place}" if place else "",
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
