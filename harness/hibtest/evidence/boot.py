"""What was seen of one machine."""

from dataclasses import dataclass
from typing import Any

from hibtest.evidence.agent import AgentImage, AgentStep
from hibtest.evidence.levels import Levels
from hibtest.evidence.memory_map import MapChange
from hibtest.evidence.proof import DiskProof, RestoreProof, SaveProof
from hibtest.spec import CutPower, Fault, Role, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A line of the kernel log that means something (:mod:`hibtest.story.messages`).

    :ivar name: Which mark.
    :ivar t: Seconds since the run began, by the host's clock.
    :ivar line: The line as it was printed.
    :ivar splat: Whether it tells of a kernel in trouble.
    """

    name: str
    t: float
    line: str
    splat: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QmpEvent:
    """An event that QEMU sent: its name, when (seconds since the run began), its data."""

    name: str
    t: float
    data: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """When a stage began (seconds since the run began) and how many seconds it took."""

    stage: Stage
    t: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang:
    """A deadline that passed, or a guest that cannot be reached any more.

    :ivar stage: The stage the guest was in.
    :ivar what: What was waited for; with no limit, what went wrong.
    :ivar limit: Seconds that were given, 0 for none.
    :ivar lines: The last lines of the console.
    """

    stage: Stage
    what: str
    limit: float
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How the QEMU process ended.

    :ivar returncode: Exit status; negative is a signal's number; ``None``: we ended it.
    :ivar stderr: The end of what it wrote to standard error.
    """

    returncode: int | None
    stderr: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to hibernate.

    :ivar mode: What ``/sys/power/disk`` was set to, or ``agent``.
    :ivar errno: What the write to ``/sys/power/state`` returned if it came back in *this*
        boot (0 also after a resume from its image), ``None`` when it never did.
    :ivar detail: The error's text as the guest saw it.
    :ivar asked: Where it was to fail, empty when it was not to.
    """

    mode: str
    errno: int | None = None
    detail: str = ""
    asked: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapHeader:
    """The header page of the swap that should hold the image, read with the machine off.

    Field names and meaning: ``struct swsusp_header``, kernel/power/swap.c (6.1 to 7.3).

    :ivar armed: Whether the signature is ``S1SUSPEND``: the next boot would resume.
    :ivar rest: BLAKE2b (64 bits, hexadecimal) of the page's bytes before these fields; empty in
        older evidence.
    """

    sig: str
    orig_sig: str
    armed: bool
    image: int
    flags: int
    flag_names: tuple[str, ...]
    crc32: int
    hw_sig: int
    rest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessReport:
    """A witness as it was planted and as it was found after a resume.

    :ivar name: Which witness.
    :ivar planted: What it was before the snapshot.
    :ivar found: What it is now.
    :ivar error: Why it could not be looked at; then ``found`` is ``None``.
    """

    name: str
    planted: Any
    found: Any = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """Something that hibernation switches off or reserves, exercised after a resume.

    :ivar name: Which part of the kernel.
    :ivar ok: Whether it works; ``None``: this kernel or guest has no such thing (see detail).
    :ivar detail: What was done and what came of it.
    :ivar seconds: How long the exercise took.
    """

    name: str
    ok: bool | None
    detail: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpus:
    """The CPUs of a guest, as lists below /sys/devices/system/cpu name them: ``0-2,5``.

    :ivar present: Those that are there.
    :ivar online: Those that work.
    """

    present: str
    online: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """What a scenario asked to be done in a boot, and was.

    :ivar name: Which step.
    :ivar detail: What came of it.
    :ivar ok: Whether it did what it was to do.
    :ivar before: The guest's CPUs before it, of a step that changes them.
    :ivar after: Its CPUs after it.
    """

    name: str
    detail: str
    ok: bool = True
    before: Cpus | None = None
    after: Cpus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """A fault that struck.

    :ivar fault: Which one of the scenario's.
    :ivar t: Seconds since the run began.
    :ivar stage: The stage the guest was in.
    """

    fault: Fault
    t: float
    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """All that was seen of one machine, from its start to its end.

    :ivar role: What it was started for.
    :ivar directory: Its directory in the run's.
    :ivar marks: Lines of the kernel log that mean something; ``qmp``: events of QEMU;
        ``stages``: how long it was in each.
    :ivar attempt: The hibernation that was tried in it.
    :ivar witnesses: What was planted before a snapshot, and is looked at in this boot.
    :ivar audits: What a hibernation switches off or reserves, exercised in this boot.
    :ivar levels: What the guest had in use when it had resumed, of a life that is hibernated more
        than once; ``None``: nobody asked.
    :ivar exit: How its QEMU ended.
    :ivar hang: The deadline that passed in it.
    :ivar ready: Whether the guest's init reported ready: it started *afresh*.
    :ivar resumed: Whether the write to ``/sys/power/state`` of an earlier boot returned here; or
        its own, once it had loaded the image that it wrote (mode test_resume).
    :ivar boot_id: ``/proc/sys/kernel/random/boot_id``, empty when it could not be asked.
    :ivar failures: Tries before it that were made to fail.
    :ivar header: The swap's header after this machine was off.
    :ivar header_before: The same page before it was told to hibernate; ``None`` in older evidence.
    :ivar swap_offset: Page of its device at which that header lies, when the guest had to be asked.
    :ivar panic: The panic's first line, empty without one; ``last_lines``: of that console.
    :ivar restored: The proof of the resume that this boot began with, when one was asked for.
    :ivar saved: The proof of the hibernation that ended this boot, when one was asked for.
    :ivar disks: The disks whose blocks were compared, of a boot that ended in a hibernation.
    :ivar garbled: The answer after a hibernation that was none, empty when there was none such.
    :ivar agent_image: What the agent's target holds, when the agent is the method.
    :ivar agent_steps: What the agent did in this boot.
    :ivar steps: What the scenario asked to be done in it, as far as it was.
    :ivar struck: What was made to go wrong in it, or with its disks after it.
    :ivar map_changes: How the firmware's memory map differs from that of the save boot; ``None``:
        it was not compared.
    :ivar template: The template that it started from (docs/templates.md); empty: its firmware.
    :ivar threads: Whether QEMU emulated all vCPUs in one thread: ``single``, or ``multi``; empty
        under KVM, and in older evidence.
    :ivar aborted: In older evidence: machines in whose place this one was made.
    """

    role: Role
    directory: str
    ready: bool = False
    resumed: bool = False
    boot_id: str = ""
    marks: tuple[Mark, ...] = ()
    qmp: tuple[QmpEvent, ...] = ()
    stages: tuple[StageTime, ...] = ()
    attempt: Attempt | None = None
    failures: tuple[Attempt, ...] = ()
    witnesses: tuple[WitnessReport, ...] = ()
    audits: tuple[AuditReport, ...] = ()
    exit: Exit | None = None
    header: SwapHeader | None = None
    header_before: SwapHeader | None = None
    swap_offset: int | None = None
    hang: Hang | None = None
    panic: str = ""
    last_lines: tuple[str, ...] = ()
    restored: RestoreProof | None = None
    saved: SaveProof | None = None
    disks: tuple[DiskProof, ...] = ()
    garbled: str = ""
    agent_image: AgentImage | None = None
    agent_steps: tuple[AgentStep, ...] = ()
    steps: tuple[StepReport, ...] = ()
    struck: tuple[Strike, ...] = ()
    map_changes: tuple[MapChange, ...] | None = None
    template: str = ""
    threads: str = ""
    aborted: tuple[Exit, ...] = ()
    levels: Levels | None = None

    @property
    def power_cut(self) -> bool:
        """Whether its power was cut."""
        return any(isinstance(strike.fault.what, CutPower) for strike in self.struck)

    @property
    def armed(self) -> bool:
        """Whether the next boot would resume from what this one left."""
        images = (self.header, self.agent_image)
        return any(image is not None and image.armed for image in images)
