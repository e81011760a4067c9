"""Who writes the image, and how the machine is left: one small frozen class per method."""

from enum import StrEnum

import msgspec

from hibtest.errors import SpecError


class Mode(StrEnum):
    """What ``/sys/power/disk`` is set to: what follows once the image is written."""

    PLATFORM = "platform"  # ACPI S4
    SHUTDOWN = "shutdown"  # plain power-off
    REBOOT = "reboot"  # a reset; the machine that starts then finds the image
    SUSPEND = "suspend"  # ACPI S3, with the image in case the power is lost; woken, it is dropped
    TEST_RESUME = "test_resume"  # the image is loaded and restored at once, by the kernel it is of


class PmTest(StrEnum):
    """What ``/sys/power/pm_test`` is set to: how far a rehearsal goes before all is undone.

    hibernation_test(), kernel/power/hibernate.c, 6.1 to 7.3; with CONFIG_PM_SLEEP_DEBUG only.
    """

    NONE = "none"  # it is no rehearsal
    FREEZER = "freezer"  # tasks are frozen, memory is reserved
    DEVICES = "devices"  # and devices stand still
    PLATFORM = "platform"  # and the firmware is prepared
    PROCESSORS = "processors"  # and the other CPUs are down
    CORE = "core"  # and interrupts are off: all but the copy


class KernelMethod(msgspec.Struct, frozen=True, kw_only=True, tag="kernel"):
    """``echo disk > /sys/power/state``: the kernel writes the image itself.

    :ivar mode: What follows once it is written.
    :ivar pm_test: How far a rehearsal goes, in which none is.
    """

    mode: Mode = Mode.PLATFORM
    pm_test: PmTest = PmTest.NONE

    @property
    def comes_back(self) -> bool:
        """Whether the very machine that hibernates goes on, if nothing happens to it."""
        return self.rehearses or self.mode in {Mode.SUSPEND, Mode.TEST_RESUME}

    @property
    def rehearses(self) -> bool:
        """Whether no image is written."""
        return self.pm_test is not PmTest.NONE


class Stopper(StrEnum):
    """How the agent stops user processes, before the kernel's freezer does."""

    FREEZER = "freezer"  # the kernel's alone
    SIGSTOP = "sigstop"
    CGROUP = "cgroup"  # cgroup v2 freeze


class Protect(StrEnum):
    """How the agent keeps file systems as they are at the snapshot."""

    NONE = "none"
    FSFREEZE = "fsfreeze"
    DM_SNAPSHOT = "dm-snapshot"


class Target(StrEnum):
    """Where the agent writes the image to."""

    SWAP = "swap"  # slots of the active swap
    RAW = "raw"  # a disk of its own
    SERVER = "server"  # an image server, over TLS


class AgentMethod(msgspec.Struct, frozen=True, kw_only=True, tag="agent"):
    """The userspace agent (hibtest/agent) writes the image it reads from /dev/snapshot.

    :ivar needed: Which stopped processes go on for the sync: ``computed`` or ``none``.
    :ivar compress: ``none``, ``zlib``, ``lz4`` or ``zstd``.
    :ivar checksum: ``blake2b`` or ``sha256``.
    :ivar allocate: When swap slots are taken: ``early`` (before the snapshot) or ``late``.
    :ivar buffer_pages: The most memory that writing takes, in pages.
    :ivar image_size: Bytes that the image should not exceed; ``None``: as the kernel has it.
    :ivar page_out: How stopped processes are pushed out to swap beforehand: ``madvise`` or
        ``reclaim``.
    :ivar scribble: A file that a process left running writes to after the snapshot.
    :ivar fail_at: ``STEP`` or ``STEP:kill``, a step of the agent that fails on purpose.
    :ivar failures: Saves that are made to fail like that before the one that counts, one after
        the other in the same life.
    """

    mode: Mode = Mode.PLATFORM
    stopper: Stopper = Stopper.FREEZER
    needed: str = "computed"
    protect: Protect = Protect.NONE
    target: Target = Target.SWAP
    compress: str = "none"
    checksum: str = "blake2b"
    allocate: str = "late"
    buffer_pages: int = 512
    image_size: int | None = None
    page_out: str = ""
    scribble: str = ""
    fail_at: str = ""
    failures: tuple[str, ...] = ()

    @property
    def comes_back(self) -> bool:
        """Whether the very machine that hibernates goes on: never."""
        return False

    @property
    def rehearses(self) -> bool:
        """Whether no image is written: one is, always."""
        return False

    def __post_init__(self) -> None:
        if self.mode not in {Mode.PLATFORM, Mode.SHUTDOWN}:
            what = f"the agent does not know the mode {self.mode}"
            raise SpecError(what, hint="platform or shutdown; the others are KernelMethod's")


Method = KernelMethod | AgentMethod
