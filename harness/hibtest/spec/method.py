"""Who writes the image, and how the machine is left: one small frozen class per method."""

from enum import StrEnum

import msgspec


class Mode(StrEnum):
    """What ``/sys/power/disk`` is set to."""

    PLATFORM = "platform"  # ACPI S4
    SHUTDOWN = "shutdown"  # plain power-off


class KernelMethod(msgspec.Struct, frozen=True, kw_only=True, tag="kernel"):
    """``echo disk > /sys/power/state``: the kernel writes the image itself.

    :ivar mode: How the machine is powered off.
    """

    mode: Mode = Mode.PLATFORM


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


Method = KernelMethod | AgentMethod
