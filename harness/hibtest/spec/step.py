"""What is done in a boot, one small frozen class per step; hibtest/cycle/steps carries them out.

:cvar words: What ``hibtest plan`` says of it.
"""

from typing import ClassVar

import msgspec


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


Step = Workloads | Plant | Ship | Fail | Hibernate | Examine | Identify | CutPower
