"""What was seen in a run: host, kernel, and one machine after the other."""

from dataclasses import dataclass
from typing import Any

from hibtest.evidence.boot import Boot
from hibtest.evidence.filesystem import FilesystemCheck
from hibtest.evidence.tries import Try

VERSION = 2  # since 2, boots tell which faults struck


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The machine below the guest.

    :ivar qemu: QEMU's version, such as ``10.0.2``.
    :ivar accel: ``kvm`` or ``tcg``.
    :ivar accel_reason: Why that one.
    """

    qemu: str
    accel: str
    accel_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestKernel:
    """The kernel under test.

    :ivar name: What scenarios call it; ``own``: given with ``--kernel``.
    :ivar release: As ``uname -r`` prints it.
    :ivar sha256: Of its bzImage.
    """

    name: str
    release: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Harness trouble that ended the run: class, message and remedy of the error."""

    kind: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that was seen in a run.

    :ivar scenario: Its name; all of it is in scenario.json.
    :ivar boots: The machines, in the order in which they were started.
    :ivar trouble: What ended the run that is not the kernel's: then the verdict is INVALID.
    :ivar seconds: How long the run took.
    :ivar started: When it began, as ISO 8601, in UTC.
    :ivar version: Of this form.
    :ivar proof: Whether images were to be compared with memory.
    :ivar tries: Runs in whose place this one was made.
    :ivar filesystems: What was found to be wrong with its filesystems, looked at when the last
        machine was off, those that have nothing wrong too; empty: nobody has looked yet;
        ``None``: in older evidence, where nobody did.
    """

    scenario: str
    host: Host | None = None
    kernel: GuestKernel | None = None
    boots: tuple[Boot, ...] = ()
    trouble: Trouble | None = None
    seconds: float = 0.0
    started: str = ""
    proof: bool = False
    tries: tuple[Try, ...] = ()
    filesystems: tuple[FilesystemCheck, ...] | None = None
    version: int = VERSION

    @staticmethod
    def today(stored: dict[str, Any]) -> dict[str, Any]:
        """Return evidence's JSON in today's form: trouble was called fault until version 1."""
        found = dict(stored)
        if "fault" in found:
            found["trouble"] = found.pop("fault")
        return found
