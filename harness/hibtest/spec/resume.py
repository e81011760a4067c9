"""What boots are told of the swap to resume from, and of the machine that resumes."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hibtest.errors import SpecError
from hibtest.spec.guest import Firmware, require_more_disks
from hibtest.spec.layout import Layout, SwapDisk, SwapFile, SwapPartition, SwapZram
from hibtest.spec.method import KernelMethod, Method
from hibtest.spec.step import MoveSwap, OwnStep


class Named(StrEnum):
    """How ``resume=`` names the swap to resume from."""

    NODE = "node"  # by its device node
    UUID = "uuid"  # by the swap's own, which early userspace must look for: the kernel cannot
    PARTUUID = "partuuid"  # by the partition's
    NOT = "not"  # there is no resume=, nor is the kernel told in another way


class Offset(StrEnum):
    """What can be wrong with the ``resume_offset=`` of the resume boot."""

    STALE = "stale"  # where the swap file lay when the guest first told
    MISSING = "missing"  # there is none


class PutBack(StrEnum):
    """What is as it was after the hibernation when an image is resumed from a second time."""

    DISKS = "disks"  # all disks: as after a snapshot of a virtual machine
    IMAGE = "image"  # the one that the image lies on; the others have gone on

    @property
    def words(self) -> str:
        """It, as ``hibtest plan`` and ``show`` say it."""
        return "all disks" if self is PutBack.DISKS else "the image"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeSpec:
    """What boots are told of the swap; and where the resume boot differs from the save boot.

    :ivar named: How ``resume=`` names the swap, in all boots.
    :ivar device: ``resume=`` of the resume boot; ``None``: the first swap, as in all boots.
    :ivar offset: ``resume_offset=`` of the resume boot, in pages of the device, or what is wrong
        with it; ``None``: where the swap file lies.
    :ivar noresume: Whether ``noresume`` stands on its kernel command line.
    :ivar vcpus: vCPUs that its machine has; ``None``: as many as there were at the power-off.
    :ivar memory_mib: Memory that its machine has; ``None``: as the guest's.
    :ivar cpu: Its vCPU model, as QEMU names it; empty: as the guest's.
    :ivar firmware: What it starts with; ``None``: as the guest's.
    :ivar kernel: Name of the kernel that it boots, and that is to resume the image of the guest's;
        empty: the guest's own.
    :ivar append: More words for its kernel command line.
    :ivar more_disks: Disks beside those that the guest needs; ``None``: as the guest's.
    :ivar reordered: Whether root disk and the first swap's disk have changed places.
    :ivar again: What is put back from a copy once the resumed guest has powered itself off, so that
        its image is resumed from a second time; ``None``: it is not.
    """

    named: Named = Named.NODE
    device: str | None = None
    offset: Offset | int | None = None
    noresume: bool = False
    vcpus: int | None = None
    memory_mib: int | None = None
    cpu: str = ""
    firmware: Firmware | None = None
    kernel: str = ""
    append: tuple[str, ...] = ()
    more_disks: int | None = None
    reordered: bool = False
    again: PutBack | None = None

    def __post_init__(self) -> None:
        require_more_disks(self.more_disks or 0)


def require_resume(
    resume: ResumeSpec, layout: Layout, method: Method, steps: Iterable[OwnStep]
) -> None:
    """Check that a layout's first swap is one that can be told of so.

    :param steps: What the scenario asks to be done.
    :raise SpecError: When it is not.
    """
    first = layout[0] if layout else None
    file, moves = isinstance(first, SwapFile), any(isinstance(one, MoveSwap) for one in steps)
    if moves and not file:
        raise SpecError("no swap file comes first that could be moved", hint="SwapFile()")
    if resume.offset is not None and not file:
        raise SpecError(
            f"resume_offset {resume.offset}, but no swap file comes first", hint="SwapFile()"
        )
    if resume.offset is Offset.STALE and not moves:
        raise SpecError("a stale offset of a file that stays where it is", hint="add MoveSwap()")
    if isinstance(resume.offset, int) and resume.offset < 0:
        raise SpecError(f"resume_offset {resume.offset}", hint="0 or more pages")
    _require_named(resume.named, layout)
    if resume.reordered and first is None:
        raise SpecError("there is no swap to change places with", hint="add a layout")
    if isinstance(first, SwapZram) and not isinstance(method, KernelMethod):
        raise SpecError("the agent does not write to zram", hint="have another swap come first")


def _require_named(named: Named, layout: Layout) -> None:
    first = layout[0] if layout else None
    others = {swap.table for swap in layout[1:] if isinstance(swap, SwapPartition)}
    if named is Named.PARTUUID and isinstance(first, SwapPartition) and first.table in others:
        what = "two partitions with the same PARTUUID"
        raise SpecError(what, hint="have one in another kind of table")
    if named is Named.PARTUUID and not isinstance(first, SwapPartition):
        raise SpecError("only a partition has a PARTUUID", hint="SwapPartition()")
    if named is not Named.UUID:
        return
    if not isinstance(first, SwapDisk | SwapPartition):
        raise SpecError("only a swap on a disk is named by its UUID here", hint="SwapDisk()")
    if first.on:
        what = "below the swap that is named by its UUID a disk may begin with the same header"
        raise SpecError(what, hint="drop its `on`")
