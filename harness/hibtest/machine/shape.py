"""What a machine is made of: frozen values that become a QEMU command line."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hibtest.errors import SpecError
from hibtest.machine.arch import X86_64
from hibtest.spec import GuestSpec

# At most VIRTIO_BLK_ID_BYTES, include/uapi/linux/virtio_blk.h (6.1 to 7.3); QEMU's names of
# block nodes (util/id.c) begin with a letter.
_SERIAL = re.compile(r"[A-Za-z][A-Za-z0-9._-]{,19}")


class Accel(StrEnum):
    """What runs the guest's instructions."""

    KVM = "kvm"
    TCG = "tcg"


class DiskFormat(StrEnum):
    """How a disk is stored in its file."""

    RAW = "raw"
    QCOW2 = "qcow2"


class Network(StrEnum):
    """Whom a guest can reach; the host reaches its port 22 in any case."""

    CLOSED = "closed"  # nobody
    OPEN = "open"  # whoever the host can; 10.0.2.2 is the host's own 127.0.0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A guest block device and the file behind it.

    :ivar serial: Its virtio-blk serial number: the guest knows its disks by it, never by order.
    :ivar path: The backing file; an overlay names its own backing file itself.
    :ivar readonly: Whether guest and QEMU only read it: several machines may then share it.
    :ivar fails_at: Writes of the guest to this byte of it fail with EIO; raw disks only.
    :ivar halts: Whether the machine stands still at such a write, before the guest is told.
    :ivar shared: Whether another disk of the machine is the same file: two paths to one disk.
    :raise SpecError: When the serial number is none that guest and QEMU take as it is.
    """

    serial: str
    path: Path
    format: DiskFormat = DiskFormat.RAW
    readonly: bool = False
    fails_at: int | None = None
    halts: bool = False
    shared: bool = False

    def __post_init__(self) -> None:
        if not _SERIAL.fullmatch(self.serial):
            raise SpecError(
                f"disk serial {self.serial!r} is not a letter and up to 19 letters, digits, . _ -",
                hint="rename",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineSpec:
    """One QEMU process: the guest's shape, and what this boot of it is started from.

    :ivar qemu: Name or path of the QEMU binary.
    :ivar kernel: The bzImage; ``None`` leaves the machine in its firmware.
    :ivar cmdline: The kernel command line, as it is for a machine that is started by hand.
    :ivar followed: What is added to it in a machine whose console is followed: the guest waits for
        an answer there, which by hand nobody gives.
    :ivar disks: In PCI order; a disk's place in it is its PCI slot.
    :ivar debug: Whether the guest can be stopped at breakpoints and its memory be read from
        outside. The guest cannot tell.
    :ivar network: Whom the guest can reach. Its hardware is the same.
    :ivar unplugs: Whether vCPUs will be taken away from it.
    :ivar queues: Of each disk; ``None``: as many as vCPUs, which QEMU chooses.
    """

    accel: Accel
    guest: GuestSpec
    kernel: Path | None
    initrd: Path | None = None
    cmdline: str = ""
    followed: str = ""
    disks: tuple[Disk, ...] = ()
    qemu: str = X86_64.qemu
    debug: bool = False
    network: Network = Network.CLOSED
    unplugs: bool = False
    queues: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugWires:
    """Where a machine is looked into.

    :ivar gdb_fd: QEMU's end of the gdb stub's socket pair, inherited.
    :ivar memory_fd: A file of the size of the guest's memory, inherited, that holds it.
    """

    gdb_fd: int
    memory_fd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wires:
    """Where a machine's monitor and console are plugged in.

    :ivar qmp_fd: QEMU's end of the monitor's socket pair, inherited.
    :ivar console_fd: QEMU's end of the serial console's socket pair, inherited.
    :ivar console_log: QEMU writes all that the guest prints there as well.
    :ivar debug: Only for a machine that is to be looked into.
    :ivar loads: Whether the machine waits for one that was saved, to go on from it.
    """

    qmp_fd: int
    console_fd: int
    console_log: Path
    debug: DebugWires | None = None
    loads: bool = False

    @property
    def fds(self) -> tuple[int, ...]:
        """All descriptors that QEMU inherits."""
        debug = () if self.debug is None else (self.debug.gdb_fd, self.debug.memory_fd)
        return (self.qmp_fd, self.console_fd, *debug)
