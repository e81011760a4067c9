"""Outcomes of a scenario and stages of a cycle."""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What a cycle came to."""

    RESUMED = "RESUMED"  # same life, witnesses whole, everything switched on again
    REHEARSED = "REHEARSED"  # a pm_test level came back
    REFUSED = "REFUSED"  # hibernation returned an errno and the guest lives on
    COLD_BOOT = "COLD_BOOT"  # the resume boot started afresh
    CORRUPT = "CORRUPT"  # resumed, but something differs from what it was
    PANIC = "PANIC"  # a kernel panicked
    HUNG = "HUNG"  # a deadline passed in a named stage
    INVALID = "INVALID"  # host, QEMU or harness fault; never a kernel result


class Stage(StrEnum):
    """Stages of a cycle in kernel order; a boot that resumes goes through the second row."""

    BOOT = "BOOT"
    PREPARE = "PREPARE"
    STOP = "STOP"
    QUIESCE = "QUIESCE"
    FREEZE = "FREEZE"
    PREALLOCATE = "PREALLOCATE"
    DEVICES = "DEVICES"
    VCPUS = "VCPUS"
    SNAPSHOT = "SNAPSHOT"
    WRITE = "WRITE"
    POWER_OFF = "POWER_OFF"

    LOAD = "LOAD"
    RESTORE = "RESTORE"
    THAW = "THAW"
    WITNESS = "WITNESS"


class Role(StrEnum):
    """What a boot is for."""

    SAVE = "save"  # boots afresh and hibernates
    RESUME = "resume"  # finds the image of the boot before it
    RESCUE = "rescue"  # stands between: starts with noresume, and leaves the image alone
    COLD = "cold"  # must start afresh: the image is used up


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The outcome that makes a scenario pass.

    :ivar cause: The verdict's cause, as docs/verdicts.md lists them (an errno's name for
        REFUSED); empty when any will do.
    """

    outcome: Outcome = Outcome.RESUMED
    cause: str = ""

    def __str__(self) -> str:
        return f"{self.outcome} ({self.cause})" if self.cause else str(self.outcome)
