"""What is set up in a guest before it is hibernated: disks that stand on processes, memory.

These are msgspec structs, not dataclasses: in JSON a member of a union needs its tag. What each
consists of is in :mod:`hibtest.probe.workloads`.
"""

from enum import StrEnum

import msgspec

from hibtest.errors import SpecError


class FuseDirty(msgspec.Struct, frozen=True, kw_only=True, tag="fuse-dirty"):
    """A file on a FUSE filesystem with writeback cache, dirty, and open in some process."""

    @property
    def name(self) -> str:
        return "fuse-dirty"


class LoopOnFuse(msgspec.Struct, frozen=True, kw_only=True, tag="loop-on-fuse"):
    """The same on ext4, on a loop device on a file of such a filesystem."""

    @property
    def name(self) -> str:
        return "loop-on-fuse"


class SwapOnLoopOnFuse(msgspec.Struct, frozen=True, kw_only=True, tag="swap-on-loop-on-fuse"):
    """Memory that is swapped out to a loop device on a file of such a filesystem."""

    @property
    def name(self) -> str:
        return "swap-on-loop-on-fuse"


class Attach(StrEnum):
    """How a network block device gets its socket."""

    NETLINK = "netlink"  # the client ends, the kernel has the socket
    IOCTL = "ioctl"  # the client stays in an ioctl


class Nbd(msgspec.Struct, frozen=True, kw_only=True, tag="nbd"):
    """The same on ext4, on a network block device that a process of the guest serves."""

    attach: Attach = Attach.NETLINK

    @property
    def name(self) -> str:
        return f"nbd-{self.attach}"


class MuchMemory(msgspec.Struct, frozen=True, kw_only=True, tag="much-memory"):
    """60 % of all memory: more than a snapshot can have a copy of.

    :ivar locked: Whether it cannot be swapped out.
    """

    locked: bool = False

    @property
    def name(self) -> str:
        return "locked-memory" if self.locked else "much-memory"


class Memory(StrEnum):
    """Kinds of memory, by what a hibernation can do with it."""

    PAGE_CACHE = "page-cache"  # clean, of a file: may be dropped
    ANONYMOUS = "anonymous"  # of a process: may be swapped out
    LOCKED = "locked"  # the same, which may not
    TMPFS = "tmpfs"  # of a file that is nowhere else: may be swapped out
    HUGE = "huge"  # huge pages that are reserved: may not


class Pressure(msgspec.Struct, frozen=True, kw_only=True, tag="pressure"):
    """Memory of one kind, filled until so much of all memory is in use.

    :ivar percent: Of all memory, with what was in use before.
    """

    memory: Memory
    percent: int = 60

    def __post_init__(self) -> None:
        if not 1 <= self.percent <= 99:
            raise SpecError(f"{self.percent} % of all memory in use", hint="1 to 99")

    @property
    def name(self) -> str:
        return f"pressure-{self.memory}-{self.percent}"


class FullSwap(msgspec.Struct, frozen=True, kw_only=True, tag="full-swap"):
    """Memory of a process that is swapped out, and fills a half of all swap."""

    @property
    def name(self) -> str:
        return "full-swap"


class Run(msgspec.Struct, frozen=True, kw_only=True, tag="run"):
    """A program of one's own, started in the guest, and asked afterwards.

    :ivar label: Distinguishes it from others.
    :ivar start: Starts it, by the guest's root shell, and returns once it works.
    :ivar check: Succeeds as long as all is well; asked before the hibernation, too.
    :ivar files: Files of this machine that it needs; in the guest they are in
        ``/run/hibtest/own``, and can be executed.
    """

    label: str
    start: str
    check: str
    files: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"run-{self.label}"


Workload = FuseDirty | LoopOnFuse | SwapOnLoopOnFuse | Nbd | MuchMemory | Pressure | FullSwap | Run
