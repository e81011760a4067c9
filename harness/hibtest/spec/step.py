"""What is done in a boot, one small frozen class per step; hibtest/cycle/steps carries them out.

What a scenario may ask for by itself is an :data:`OwnStep`.

:ivar words: What ``hibtest plan`` says of it.
"""

from typing import ClassVar

import msgspec

from hibtest.errors import SpecError


class Workloads(msgspec.Struct, frozen=True, tag="workloads"):
    """Set up the scenario's workloads."""

    words: ClassVar[str] = "set workloads up"


class Plant(msgspec.Struct, frozen=True, tag="plant"):
    """Plant the witnesses."""

    words: ClassVar[str] = "plant witnesses"


class Ship(msgspec.Struct, frozen=True, tag="ship"):
    """Put the agent into the guest."""

    words: ClassVar[str] = "ship the agent"


class Fail(msgspec.Struct, frozen=True, tag="fail"):
    """Have saves fail that are to fail, up to the first that does not."""

    words: ClassVar[str] = "have saves fail"


class Hibernate(msgspec.Struct, frozen=True, tag="hibernate"):
    """Hibernate. Refused, look at what is left of the witnesses, and do no more."""

    words: ClassVar[str] = "hibernate"


class Examine(msgspec.Struct, frozen=True, tag="examine"):
    """Look at the witnesses and the workloads, and exercise what a hibernation switches off."""

    words: ClassVar[str] = "check witnesses, audit"


class Identify(msgspec.Struct, frozen=True, tag="identify"):
    """Ask which life it is."""

    words: ClassVar[str] = "it must have started afresh"


class CutPower(msgspec.Struct, frozen=True, tag="cut-power"):
    """Cut the power."""

    words: ClassVar[str] = "cut the power"


class PowerOff(msgspec.Struct, frozen=True, tag="power-off"):
    """Have the guest power itself off, as its users would."""

    words: ClassVar[str] = "power off"


class Plug(msgspec.Struct, frozen=True, kw_only=True, tag="plug"):
    """Plug vCPUs in, and put them online.

    :ivar vcpus: How many.
    """

    vcpus: int = 1

    def __post_init__(self) -> None:
        _require_some(self.vcpus)

    @property
    def words(self) -> str:
        return f"plug {self.vcpus} vCPU{'s' if self.vcpus > 1 else ''} in"


class Unplug(msgspec.Struct, frozen=True, kw_only=True, tag="unplug"):
    """Take vCPUs away, those with the highest numbers first.

    :ivar vcpus: How many.
    """

    vcpus: int = 1

    def __post_init__(self) -> None:
        _require_some(self.vcpus)

    @property
    def words(self) -> str:
        return f"unplug {self.vcpus} vCPU{'s' if self.vcpus > 1 else ''}"


class Do(msgspec.Struct, frozen=True, kw_only=True, tag="do"):
    """Have the guest's root shell do something, and succeed.

    :ivar command: For ``sh -c``.
    """

    command: str

    @property
    def words(self) -> str:
        return f"do: {self.command}"


def _require_some(vcpus: int) -> None:
    if vcpus < 1:
        raise SpecError(f"{vcpus} vCPUs cannot come or go", hint="1 or more")


OwnStep = Plug | Unplug | Do
Step = (
    Workloads | Plant | Ship | Fail | Hibernate | Examine | Identify | CutPower | PowerOff | OwnStep
)


def after(vcpus: int, step: Step) -> int:
    """Return how many vCPUs a machine has after a step, of so many before."""
    match step:
        case Plug():
            return vcpus + step.vcpus
        case Unplug():
            return vcpus - step.vcpus
        case _:
            return vcpus
