"""What a member of a scenario's storage brings along."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid5

from hibtest.image.through import Leg, View
from hibtest.machine.disk import sparse
from hibtest.machine.shape import Disk, DiskFormat
from hibtest.spec import Filesystem, GuestFiles

_NAMESPACE = UUID("68696274-6573-7400-0000-000000000000")

Make = Callable[[Path, GuestFiles], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDisk:
    """A disk that a run has for itself.

    :ivar serial: What the guest knows it by.
    :ivar file: Its path in the run's directory.
    :ivar make: Makes the file before the first boot, from what ``images`` has built.
    :ivar compared: Whether its blocks must not change between the snapshot and the power-off; it
        is raw then.
    :ivar shared: Whether another disk of the machine is the same file.
    """

    serial: str
    file: str
    make: Make
    format: DiskFormat = DiskFormat.RAW
    readonly: bool = False
    compared: bool = False
    shared: bool = False

    def at(self, directory: Path) -> Disk:
        """Return it as a machine has it.

        :param directory: The run's.
        """
        return Disk(
            serial=self.serial,
            path=directory / self.file,
            format=self.format,
            readonly=self.readonly,
            shared=self.shared,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a member of a scenario's storage brings along.

    Steps are lines of shell, in the words of images/templates: ``early-init.sh.j2`` and
    ``words.sh.j2`` say which there are.

    :ivar disks: Its disks, in PCI order; what it comes to lies on the first, or begins there.
    :ivar early: What early userspace does before it offers an image.
    :ivar late: What the guest's init does.
    :ivar again: What makes a swap file anew, elsewhere, in a guest that is up.
    :ivar device: The block device that it comes to, as the guest knows it.
    :ivar resume: What ``resume=`` names it by; empty: nothing does.
    :ivar swap: What /proc/swaps calls it.
    :ivar offset: Page of the device at which the swap's header lies; ``None``: the guest tells.
    :ivar file: The file, in the run's directory, that holds an image written to it; empty: none
        does.
    :ivar views: How the host looks through it, from the file up.
    :ivar filesystem: What filesystem it comes to; ``None``: it is none.
    """

    disks: tuple[NewDisk, ...] = ()
    early: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    device: str = ""
    resume: str = ""
    swap: str = ""
    offset: int | None = 0
    file: str = ""
    views: tuple[View, ...] = ()
    filesystem: Filesystem | None = None

    @property
    def leg(self) -> Leg:
        """It, as what stands on it and others sees it."""
        return Leg(file=self.file, views=self.views)

    def on(self, *steps: str, device: str, views: tuple[View, ...] = ()) -> "Part":
        """Return a part with a layer upon this one.

        :param steps: What early userspace does for it.
        :param device: What it comes to.
        :param views: How the host looks through it.
        """
        early, seen = (*self.early, *steps), (*self.views, *views)
        return replace(self, early=early, device=device, views=seen)

    def with_legs(self, *legs: "Part") -> "Part":
        """Return a part that has the disks of others, too, and what is done for them."""
        return replace(
            self,
            disks=(*self.disks, *(disk for leg in legs for disk in leg.disks)),
            early=(*self.early, *(step for leg in legs for step in leg.early)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A disk of a run that has a filesystem on it, or might have.

    :ivar views: How the host looks through what it stands on, from the disk up; other disks lie
        beside it.
    :ivar before: The raw disk that it was made from; ``None``: from nothing.
    :ivar meant: Which filesystem it is for; ``None``: for none.
    """

    disk: Disk
    views: tuple[View, ...] = ()
    before: Path | None = None
    meant: Filesystem | None = None


def uuid_of(what: str) -> str:
    """Return a UUID that is the same in every run: two of one scenario start from the same bytes.

    :param what: Distinguishes it from others of a guest: two that are alike must not meet.
    """
    return str(uuid5(_NAMESPACE, what))


def by_serial(serial: str) -> str:
    """Return the node of a disk, which early userspace links (images/templates)."""
    return f"/dev/disk/by-id/virtio-{serial}"


def zeros(size_mib: int) -> Make:
    """Return what makes a raw disk of zeros."""

    def make(path: Path, _: GuestFiles) -> None:
        sparse(path, size_mib)

    return make
