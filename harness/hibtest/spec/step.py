"""What is done in a boot; hibtest/cycle/steps carries it out.

What a scenario may ask for by itself, an :data:`OwnStep`, is one small frozen class per step.

:ivar words: What ``hibtest plan`` says of it.
"""

from enum import StrEnum

import msgspec

from hibtest.errors import SpecError


class Task(StrEnum):
    """What the boots of every scenario consist of, in the words of ``hibtest plan``."""

    WORKLOADS = "set workloads up"
    PLANT = "plant witnesses"
    SHIP = "ship the agent"
    FAIL = "have saves fail"  # those that are to, up to the first that does not
    HIBERNATE = "hibernate"  # refused, look at what is left of the witnesses, and do no more
    EXAMINE = "check witnesses, audit"  # and workloads
    IDENTIFY = "it must have started afresh"  # ask which life it is
    READ_BACK = "read back what was acknowledged"  # by the writers of the life that ended
    CUT_POWER = "cut the power"
    POWER_OFF = "power off"  # by the guest, as its users would

    @property
    def words(self) -> str:
        return self.value


class Mounts(StrEnum):
    """How a boot that stands between hibernation and resume mounts the guest's filesystems."""

    WRITABLE = "writable"
    READ_ONLY = "read-only"  # which replays a journal, and writes so
    UNTOUCHED = "untouched"  # read-only, on devices that are; no journal is replayed


class _Vcpus(msgspec.Struct, frozen=True, kw_only=True):
    vcpus: int = 1

    def __post_init__(self) -> None:
        if self.vcpus < 1:
            raise SpecError(f"{self.vcpus} vCPUs cannot come or go", hint="1 or more")

    @property
    def _many(self) -> str:
        return f"{self.vcpus} vCPU{'s' if self.vcpus > 1 else ''}"


class Plug(_Vcpus, frozen=True, kw_only=True, tag="plug"):
    """Plug vCPUs in, and put them online.

    :ivar vcpus: How many.
    """

    @property
    def words(self) -> str:
        return f"plug {self._many} in"


class Unplug(_Vcpus, frozen=True, kw_only=True, tag="unplug"):
    """Take vCPUs away, those with the highest numbers first.

    :ivar vcpus: How many.
    """

    @property
    def words(self) -> str:
        return f"unplug {self._many}"


class _Cpus(msgspec.Struct, frozen=True, kw_only=True):
    cpus: tuple[int, ...] = (1,)

    def __post_init__(self) -> None:
        if not self.cpus or min(self.cpus) < 0 or len(set(self.cpus)) < len(self.cpus):
            what = f"{list(self.cpus)} are no CPUs"
            raise SpecError(what, hint="name one at least, each once, as the guest counts: from 0")

    @property
    def _named(self) -> str:
        return f"CPU{'s' if len(self.cpus) > 1 else ''} {', '.join(map(str, self.cpus))}"


class Offline(_Cpus, frozen=True, kw_only=True, tag="offline"):
    """Have the guest take CPUs offline; their vCPUs stay.

    :ivar cpus: Which, as the guest numbers them.
    :ivar refused: Whether its kernel is to refuse: x86's takes no CPU 0 offline since v6.5, which
        has no ``/sys/devices/system/cpu/cpu0/online``.
    """

    refused: bool = False

    @property
    def words(self) -> str:
        return f"take {self._named} offline{', which is to be refused' if self.refused else ''}"


class Online(_Cpus, frozen=True, kw_only=True, tag="online"):
    """Have the guest take CPUs online that are there.

    :ivar cpus: Which, as the guest numbers them.
    """

    @property
    def words(self) -> str:
        return f"take {self._named} online"


class Do(msgspec.Struct, frozen=True, kw_only=True, tag="do"):
    """Have the guest's root shell do something, and succeed.

    :ivar command: For ``sh -c``.
    """

    command: str

    @property
    def words(self) -> str:
        return f"do: {self.command}"


class MoveSwap(msgspec.Struct, frozen=True, kw_only=True, tag="move-swap"):
    """Make the first swap, a file, anew: switched off, removed, made elsewhere, switched on.

    :ivar told: Whether the running kernel is told of its new place, by /sys/power/resume_offset.
    """

    told: bool = True

    @property
    def words(self) -> str:
        whom = "the kernel" if self.told else "nobody"
        return f"make the swap file anew, elsewhere, and tell {whom}"


OwnStep = Plug | Unplug | Offline | Online | Do | MoveSwap
Step = Task | OwnStep


def after(vcpus: int, step: Step) -> int:
    """Return how many vCPUs a machine has after a step, of so many before."""
    match step:
        case Plug():
            return vcpus + step.vcpus
        case Unplug():
            return vcpus - step.vcpus
        case _:
            return vcpus
