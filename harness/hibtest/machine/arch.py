"""What differs between kinds of machines: a row for each, and each of their firmwares."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hibtest.errors import HostError
from hibtest.spec import Arch, Firmware


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A firmware that QEMU does not have itself: a file of the host, and the package it is in."""

    path: Path
    package: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A kind of machine.

    :ivar qemu: Its QEMU; ``package``: Debian's and Ubuntu's name of what it is in.
    :ivar machine: What QEMU calls it.
    :ivar first_disk_slot: The PCI slot of its first disk; the network card is in the one before.
    :ivar hole: PFNs among its RAM that Linux never takes for RAM.
    :ivar firmwares: Which there are; ``None``: QEMU has it.
    """

    qemu: str
    package: str
    machine: str
    first_disk_slot: int
    hole: range
    firmwares: Mapping[Firmware, Image | None]


X86_64 = Board(
    qemu="qemu-system-x86_64",
    package="qemu-system-x86",
    machine="q35",
    first_disk_slot=3,  # 0 and 31 are q35's own
    # 640 KiB to 1 MiB: the chipset decides whether the guest sees RAM there, read-only or not
    # (hw/pci-host/q35.c, PAM and SMRAM, QEMU 10.0)
    hole=range(0xA0, 0x100),
    firmwares={
        Firmware.SEABIOS: None,
        # its variables are gone at each power-off: nothing that is booted here has any
        Firmware.OVMF: Image(path=Path("/usr/share/ovmf/OVMF.fd"), package="ovmf"),
    },
)
BOARDS: Mapping[Arch, Board] = {Arch.X86_64: X86_64}


def firmware_options(arch: Arch, firmware: Firmware) -> tuple[str, ...]:
    """Return the options that give a machine its firmware."""
    image = BOARDS[arch].firmwares[firmware]
    return () if image is None else ("-bios", str(image.path))


def require_firmware(arch: Arch, firmware: Firmware) -> None:
    """Check that this host has a firmware.

    :raise HostError: When it has not.
    """
    image = BOARDS[arch].firmwares[firmware]
    if image is not None and not image.path.is_file():
        raise HostError(f"{image.path} is not there", hint=f"apt install {image.package}")
