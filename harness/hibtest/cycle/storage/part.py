"""What a member of a scenario's storage brings along."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hibtest.machine.disk import copy, overlay, sparse
from hibtest.machine.shape import Disk, DiskFormat
from hibtest.spec import GuestFiles

Make = Callable[[Path, GuestFiles], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDisk:
    """A disk that a run has for itself.

    :ivar serial: What the guest knows it by.
    :ivar file: Its path in the run's directory.
    :ivar make: Makes the file before the first boot, from what ``images`` has built.
    :ivar compared: Whether its blocks must not change between the snapshot and the power-off; it
        is raw then.
    """

    serial: str
    file: str
    make: Make
    format: DiskFormat = DiskFormat.RAW
    readonly: bool = False
    compared: bool = False

    def at(self, directory: Path, fails_at: int | None = None) -> Disk:
        """Return it as a machine has it.

        :param directory: The run's.
        :param fails_at: Byte of it to which writes fail.
        """
        return Disk(
            serial=self.serial,
            path=directory / self.file,
            format=self.format,
            readonly=self.readonly,
            fails_at=fails_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a member of a scenario's storage brings along.

    :ivar disks: Its disks, in PCI order.
    :ivar device: What the guest knows it by: a device node.
    :ivar file: The file, in the run's directory, that holds an image written to it.
    """

    disks: tuple[NewDisk, ...] = ()
    device: str = ""
    file: str = ""


def by_serial(serial: str) -> str:
    """Return the node of a disk, which early userspace links (images/templates)."""
    return f"/dev/disk/by-id/virtio-{serial}"


def overlay_of_root(path: Path, files: GuestFiles) -> None:
    """Make a disk that shows the root disk, and keeps what is written."""
    overlay(files.root, path)


def copy_of_root(path: Path, files: GuestFiles) -> None:
    """Make a raw disk like the root disk."""
    copy(files.root, path)


def zeros(size_mib: int) -> Make:
    """Return what makes a raw disk of zeros."""

    def make(path: Path, _: GuestFiles) -> None:
        sparse(path, size_mib)

    return make
