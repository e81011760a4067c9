"""The guest that a scenario asks for, and the files it is booted from."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from hibtest.errors import SpecError
from hibtest.spec.data import DataDisk
from hibtest.spec.lacking import Missing
from hibtest.spec.stack import Stack

OWN_KERNEL = "own"  # the name of the kernel given with --kernel


# What q35 takes in QEMU 9.0 to 10.0, where it takes most (pc_q35_machine_options(),
# hw/i386/pc_q35.c); this host's QEMU is asked before a run.
MOST_VCPUS = 4096
MOST_MORE_DISKS = 8  # a machine has 28 slots for disks in all


def require_more_disks(disks: int) -> None:
    """Check how many disks there are beside those that a guest needs.

    :raise SpecError: When there cannot be so many.
    """
    if not 0 <= disks <= MOST_MORE_DISKS:
        raise SpecError(f"{disks} more disks", hint=f"0 to {MOST_MORE_DISKS}")


class Arch(StrEnum):
    """Kinds of machines: hibtest/machine/arch.py has what differs between them."""

    X86_64 = "x86_64"


class Firmware(StrEnum):
    """What a machine starts with, and has its memory map from."""

    SEABIOS = "seabios"
    OVMF = "ovmf"  # UEFI


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """How the CPUs of a machine belong together.

    :ivar sockets: How many packages there are.
    :ivar cores: Cores of each socket.
    :ivar threads: Threads of each core: 2 is what Linux calls SMT.
    """

    sockets: int = 1
    cores: int = 1
    threads: int = 1

    @property
    def vcpus(self) -> int:
        """How many vCPUs it has room for."""
        return self.sockets * self.cores * self.threads

    def __str__(self) -> str:
        return f"{self.sockets} x {self.cores} x {self.threads} (sockets x cores x threads)"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestSpec:
    """The shape of a guest.

    :ivar kernel: Name of an installed guest kernel (``hibtest images list``).
    :ivar memory_mib: Guest memory in MiB.
    :ivar vcpus: vCPUs that are there at boot.
    :ivar max_vcpus: vCPUs that may be plugged in later, those at boot included.
    :ivar topology: How they belong together, all that there may be; ``None``: QEMU's choice, or a
        socket each where ``max_vcpus`` is given.
    :ivar arch: What kind of machine it is.
    :ivar cpu: The vCPU model, as QEMU names it; empty: the accelerator's best.
    :ivar firmware: What it starts with.
    :ivar append: More words for the kernel command line of every boot.
    :ivar root: What stands on the root disk, with the root filesystem on top; empty: the disk is
        an overlay on the one built. On layers that lay nothing elsewhere it is a raw copy, whose
        blocks the host compares; to others the guest copies it in its first boot.
    :ivar more_disks: Disks that it has beside those that it needs: small, empty, the last ones.
    :ivar kexec: Whether its first kernel is started by another, the same, by kexec(8).
    :ivar scratch_mib: Size in MiB of one disk more, ``/dev/disk/by-id/virtio-scratch``, for what
        is written above a snapshot of the root; 0: there is none.
    :ivar data: A filesystem more, at /data, on which the writer writes as it does on the root.
    """

    kernel: str
    memory_mib: int = 512
    vcpus: int = 2
    max_vcpus: int | None = None
    cpu: str = ""
    arch: Arch = Arch.X86_64
    firmware: Firmware = Firmware.SEABIOS
    append: tuple[str, ...] = ()
    root: Stack = ()
    scratch_mib: int = 0
    topology: Topology | None = None
    data: DataDisk | None = None
    more_disks: int = 0
    kexec: bool = False

    def __post_init__(self) -> None:
        require_more_disks(self.more_disks)

    @property
    def room(self) -> int:
        """How many vCPUs its machine can have at a time."""
        return self.max_vcpus or (self.topology.vcpus if self.topology else self.vcpus)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestFiles:
    """What ``images`` builds for one kernel, and a machine boots from; nothing writes to it.

    :ivar kernel_name: The name scenarios use, such as ``trixie``.
    :ivar release: The kernel's release, as ``uname -r`` prints it.
    :ivar kernel: The bzImage.
    :ivar initrd: The initramfs.
    :ivar root: Root filesystem, a raw ext4 disk: machines get an overlay on it.
    :ivar toolbox: squashfs with Python for early userspace.
    :ivar modules: squashfs with the kernel's modules at its top (``modules.dep`` in it), or
        ``None`` for a kernel that needs none.
    :ivar ssh_key: Private key of the guest's root account.
    :ivar host_key: The guest's pinned SSH host key: ``ssh-ed25519 AAAA...``.
    :ivar manifest: JSON file with package versions and SHA-256 sums.
    :ivar lacks: What the kernel lacks, of all that some scenario needs; ``None``: not known.
    """

    kernel_name: str
    release: str
    kernel: Path
    initrd: Path
    root: Path
    toolbox: Path
    modules: Path | None
    ssh_key: Path
    host_key: str
    manifest: Path
    lacks: tuple[Missing, ...] | None = None
