"""A scenario: everything that is asked of one cycle, as one frozen value."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from hibtest.errors import SpecError
from hibtest.spec.cpus import require_cpus
from hibtest.spec.fault import CutPower, Fault
from hibtest.spec.guest import GuestSpec
from hibtest.spec.known import Known
from hibtest.spec.layout import Layout, SwapDisk, require_layout
from hibtest.spec.method import KernelMethod, Method
from hibtest.spec.older import scenario_today
from hibtest.spec.outcome import Expected
from hibtest.spec.resume import ResumeSpec, require_resume
from hibtest.spec.stack import require_stack
from hibtest.spec.step import Mounts, MoveSwap, OwnStep
from hibtest.spec.workload import Workload

IMAGE_DEVICE = "/dev/disk/by-id/virtio-image"
SCRATCH_DEVICE = "/dev/disk/by-id/virtio-scratch"
KEYS_DEVICE = "/dev/disk/by-id/virtio-keys"
WIDE = "wide"  # a question that is asked again, in one more combination: not in every run
LEAST_MEMORY_MIB = 256  # kernel, initramfs, witnesses and a snapshot of half of it all
_STEPS = ("before", "last", "between", "after", "afresh")
_TUPLES = ("layout", "faults", "workloads", *_STEPS, "known", "tags")
_KERNEL = "KERNEL"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One question asked of the kernel.

    :ivar name: Unique, made of ``a-z 0-9 . _ -``; also the name of the run directory. Given with
        KERNEL in it, that stands for the name of the guest's kernel.
    :ivar question: The name with KERNEL in it, as it was given: the same of all kernels.
    :ivar layout: Where swap lives; the kernel resumes from the first one.
    :ivar faults: What is made to go wrong, and when.
    :ivar expected: The outcome that makes it pass.
    :ivar lives: How often the same life is hibernated and resumed; the second time shows that
        the first gave back all that a hibernation takes.
    :ivar workloads: What is set up in the guest before it is hibernated.
    :ivar before: What is done in the guest before the witnesses are planted.
    :ivar last: What is done right before the first hibernation, once all else is done.
    :ivar between: What is done in a boot that stands between hibernation and resume, and finds the
        disks of the hibernated guest: it starts with ``noresume``, and powers itself off. Empty:
        there is no such boot.
    :ivar mounts: How that boot mounts the filesystems, which alone may damage what is resumed
        afterwards. Where it is not to write, what it writes to its root goes to memory.
    :ivar after: What is done in the guest after each resume, once it was looked at.
    :ivar afresh: What is done in the guest when it has started afresh instead of resuming.
    :ivar known: Bugs that some kernels are known to have; what comes of the first that the kernel
        has is expected, in place of ``expected``.
    :ivar tags: Words that ``-k`` finds besides the name.
    :raise SpecError: When a value cannot be meant.
    """

    name: str
    guest: GuestSpec
    layout: Layout = (SwapDisk(),)
    method: Method = field(default_factory=KernelMethod)
    resume: ResumeSpec = field(default_factory=ResumeSpec)
    faults: tuple[Fault, ...] = ()
    expected: Expected = field(default_factory=Expected)
    lives: int = 1
    workloads: tuple[Workload, ...] = ()
    before: tuple[OwnStep, ...] = ()
    last: tuple[OwnStep, ...] = ()
    between: tuple[OwnStep, ...] = ()
    mounts: Mounts = Mounts.WRITABLE
    after: tuple[OwnStep, ...] = ()
    afresh: tuple[OwnStep, ...] = ()
    known: tuple[Known, ...] = ()
    tags: tuple[str, ...] = ()
    question: str = ""

    today = staticmethod(scenario_today)  # what older versions stored

    def __post_init__(self) -> None:
        asked = self.name if _KERNEL in self.name else self.question
        name = asked.replace(_KERNEL, self.guest.kernel)
        if self.name not in {asked, name}:  # it has one of its own
            asked = name = self.name
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "question", asked)
        if not _NAME.fullmatch(self.name):
            raise SpecError(
                f"scenario name {self.name!r} is not made of a-z 0-9 . _ -",
                hint="it begins with a letter or a digit",
            )
        for name in _TUPLES:
            _require_tuple(f"{self.name}: {name}", getattr(self, name))
        _require_tuple(f"{self.name}: resume.append", self.resume.append)
        require_cpus(self)
        self._require_stacks()
        self._require_swaps()
        self._require_different()
        if self.guest.memory_mib < LEAST_MEMORY_MIB:
            raise SpecError(
                f"{self.name}: {self.guest.memory_mib} MiB of memory is too little to boot",
                hint=f"give it at least {LEAST_MEMORY_MIB}",
            )
        self._require_boots()
        if self.lives < 1:
            raise SpecError(f"{self.name}: lives is {self.lives}, must be 1 or more")
        if self.mounts is not Mounts.WRITABLE and not self.between:
            what = f"{self.name}: {self.mounts} mounts, but no boot in between"
            raise SpecError(what, hint="have something done in `between`")
        if self.lives > 1 and self.resume.again:
            what = f"{self.name}: an image that is resumed again, of {self.lives} lives"
            raise SpecError(what, hint="have one life")

    @property
    def steps(self) -> tuple[OwnStep, ...]:
        """All that it has a guest do, each once."""
        return (*self.before, *self.last, *self.between, *self.after, *self.afresh)

    @property
    def comes_back(self) -> bool:
        """Whether the very machine that hibernates goes on: its power is not cut meanwhile."""
        cut = any(isinstance(f.what, CutPower) and f.strikes_in("save") for f in self.faults)
        return self.method.comes_back and not cut

    @property
    def kernels(self) -> tuple[str, ...]:
        """Names of the kernels that its boots are of, the guest's own first."""
        return tuple(dict.fromkeys(filter(None, (self.guest.kernel, self.resume.kernel))))

    def on(self, kernel: str) -> "Scenario":
        """Return the same question asked of another kernel."""
        return replace(self, name=self.question, guest=replace(self.guest, kernel=kernel))

    def bug_of(self, release: str) -> Known | None:
        """Return the known bug that a kernel has, if it has one; see :meth:`Known.has`."""
        return next((one for one in self.known if one.has(release)), None)

    def _require_stacks(self) -> None:
        """Check that what its disks stand on can be built."""
        stacks = [("guest.root", self.guest.root)]
        stacks += [("a swap's `on`", swap.on) for swap in self.layout]
        stacks += [("guest.data.on", self.guest.data.on)] if self.guest.data else []
        for what, stack in stacks:
            _require_tuple(f"{self.name}: {what}", stack)
            require_stack(f"{self.name}: {what}", stack)

    def _require_swaps(self) -> None:
        """Check that there can be such swaps, and that the kernel can be told of the first so."""
        if any(isinstance(step, MoveSwap) for step in (*self.between, *self.afresh)):
            what = f"{self.name}: a swap is moved by the life that hibernates"
            raise SpecError(what, hint="put MoveSwap() in before, last or after")
        steps = (*self.before, *self.last, *self.after)
        try:
            require_layout(self.layout)
            require_resume(self.resume, self.layout, self.method, steps)
        except SpecError as error:
            raise SpecError(f"{self.name}: {error.message}", hint=error.hint) from error

    def _require_boots(self) -> None:
        """Check that what is asked of boots after the hibernation has one to be done in."""
        if not self.comes_back:
            return
        asked = {
            f"{self.lives} lives": self.lives > 1,
            "steps in `between`": bool(self.between),
            "another resume boot": self.resume != ResumeSpec(named=self.resume.named),
        }
        how = "a rehearsal" if self.method.rehearses else f"mode {self.method.mode}"
        for one, wanted in asked.items():
            if wanted:
                what = f"{self.name}: {one}, but {how} has no resume boot"
                raise SpecError(what, hint="drop it, or cut the power in the save boot")

    def _require_different(self) -> None:
        names = [one.name for one in self.workloads]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SpecError(f"{self.name}: two workloads are called {twice[0]}", hint="rename one")
        if len(set(self.faults)) < len(self.faults):
            raise SpecError(f"{self.name}: the same fault is there twice", hint="drop one")


def on_each(
    kernels: Iterable[str], asked: Iterable[Scenario], usual: Collection[str]
) -> tuple[Scenario, ...]:
    """Return questions, each asked of each kernel.

    :param usual: Names of those that every run of the suite has; the others are tagged ``wide``.
    """
    every = (one.on(kernel) for one in asked for kernel in kernels)
    return tuple(
        one if one.name in usual else replace(one, tags=(*one.tags, WIDE)) for one in every
    )


def _require_tuple(what: str, value: object) -> None:
    if not isinstance(value, tuple):
        raise SpecError(
            f"{what} is {value!r:.100}, not a tuple", hint="one of them alone takes a comma: (ONE,)"
        )
