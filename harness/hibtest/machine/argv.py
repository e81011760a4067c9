"""From a machine's shape to its QEMU command line, by pure functions.

The kernel refuses an image when its memory map has changed, and one more PCI device moves it.
So all that the guest's hardware is made of follows from the guest's shape, the accelerator and
the list of disks; two boots of one guest differ in their kernel command line and wires only.
Golden files (tests/machine/golden) pin the result.
"""

import os
from pathlib import Path

from hibtest.machine.arch import BOARDS, firmware_options
from hibtest.machine.halts import file_node
from hibtest.machine.shape import Accel, DebugWires, Disk, MachineSpec, Network, Wires
from hibtest.spec import GuestSpec, Topology

_SECTOR = 512
_MAC = "52:54:00:12:34:56"
_BEST = {Accel.KVM: "host", Accel.TCG: "max"}


def argv(spec: MachineSpec, wires: Wires | None = None) -> tuple[str, ...]:
    """Return the command line of a machine.

    :param wires: ``None`` gives a command to type: console and monitor share the terminal
        (Ctrl-a c switches), and the guest runs at once.
    """
    debug = wires.debug if wires else None
    return (
        spec.qemu,
        *_house(),
        *_board(spec, debug),
        *_network(spec),
        *_disks(spec),
        *_kernel(spec, followed=wires is not None),
        *(_by_hand() if wires is None else _wired(wires)),
    )


# -no-reboot: a panicking guest (panic=-1) or a triple fault ends QEMU, and the SHUTDOWN event
# says guest-reset instead of guest-shutdown.
def _house() -> tuple[str, ...]:
    deny = ("obsolete", "elevateprivileges", "spawn", "resourcecontrol")
    return (
        "-name", "hibtest,debug-threads=on",
        "-nodefaults",
        "-no-user-config",
        "-display", "none",
        "-no-reboot",
        "-sandbox", ",".join(("on", *(f"{what}=deny" for what in deny))),
    )  # fmt: skip


def _board(spec: MachineSpec, debug: DebugWires | None) -> tuple[str, ...]:
    guest = spec.guest
    machine = BOARDS[guest.arch].machine
    return (
        "-M", f"{machine}{_port(spec)}{'' if debug is None else ',memory-backend=ram'}",
        *firmware_options(guest.arch, guest.firmware),
        *(() if debug is None else _memory(guest, debug)),
        *cpu(spec.accel, _model(spec), threads=spec.unplugs),
        *_seen_as_guest(spec),
        "-smp", _vcpus(guest),
        "-m", f"{guest.memory_mib}M",
        "-rtc", "base=utc",
    )  # fmt: skip


# Where there is room for more, each vCPU has a socket of its own, if nothing else is asked for.
def _vcpus(guest: GuestSpec) -> str:
    most = guest.room
    shape = guest.topology or (Topology(sockets=most) if guest.max_vcpus else None)
    if shape is None:
        return f"{guest.vcpus},maxcpus={most}"
    parts = f"sockets={shape.sockets},cores={shape.cores},threads={shape.threads}"
    return f"{guest.vcpus},maxcpus={most},{parts}"


# A kernel with "x86/acpi/boot: Correct acpi_is_processor_usable() check again" (1c7ac68c05bc; in
# 6.12.118, not in 6.1.192) has no place for CPUs that QEMU's MADT has as not enabled, but in a
# guest of a hypervisor that it knows. It does not know TCG. VMware it finds by a serial number and
# an I/O port, both of which QEMU can give, where CPUID tells of no hypervisor
# (arch/x86/kernel/cpu/vmware.c).
def _disguised(spec: MachineSpec) -> bool:
    return spec.guest.max_vcpus is not None and spec.accel is Accel.TCG


def _model(spec: MachineSpec) -> str:
    model = spec.guest.cpu
    return f"{model or _BEST[spec.accel]},-hypervisor" if _disguised(spec) else model


def _port(spec: MachineSpec) -> str:
    return ",vmport=on" if _disguised(spec) else ""


def _seen_as_guest(spec: MachineSpec) -> tuple[str, ...]:
    return ("-smbios", "type=1,serial=VMware-hibtest") if _disguised(spec) else ()


# share=on: what the guest writes is in the file, for others to map.
def _memory(guest: GuestSpec, debug: DebugWires) -> tuple[str, ...]:
    path = f"mem-path=/dev/fd/{debug.memory_fd}"
    return ("-object", f"memory-backend-file,id=ram,size={guest.memory_mib}M,{path},share=on")


# thread=single: all vCPUs take turns in one thread. With a thread for each, QEMU 10.0 aborts now
# and then, and some guests lose a vCPU's timer while they boot; and two guests side by side on two
# CPUs are no quicker than one after the other. But of one thread none can be taken away: QEMU 10.0
# then waits for itself ("qemu_thread_join: Resource deadlock avoided").
def cpu(accel: Accel, model: str = "", *, threads: bool = False) -> tuple[str, ...]:
    """Return the options that choose an accelerator and a vCPU model: by default its best.

    :param threads: Whether each emulated vCPU has a thread of its own.
    """
    match accel:
        case Accel.KVM:
            return ("-accel", "kvm", "-cpu", model or _BEST[accel])
        case Accel.TCG:
            thread = "multi" if threads else "single"
            return ("-accel", f"tcg,thread={thread}", "-cpu", model or _BEST[accel])


def threading(spec: MachineSpec) -> str:
    """Return whether the emulated vCPUs share a thread (``single``) or not (``multi``).

    :return: Empty under KVM, where each has one.
    """
    _, words, *_ = cpu(spec.accel, threads=spec.unplugs)
    return words.partition("thread=")[2]


# Port 0: the host's kernel picks a free one and keeps it. romfile= empty: nobody boots from it.
# An open network is open to all: what restrict= leaves reachable (guestfwd=) is one stream from
# QEMU's start to its end, or a command for each connection, which the sandbox forbids; on neither
# does the guest see that a server has hung up (net/slirp.c, QEMU 10.0).
def _network(spec: MachineSpec) -> tuple[str, ...]:
    restrict = "on" if spec.network is Network.CLOSED else "off"
    slot = BOARDS[spec.guest.arch].first_disk_slot - 1
    return (
        "-netdev", f"user,id=n0,ipv6=off,restrict={restrict},hostfwd=tcp:127.0.0.1:0-:22",
        "-device", f"virtio-net-pci,netdev=n0,mac={_MAC},addr={slot:x},romfile=",
    )  # fmt: skip


def _disks(spec: MachineSpec) -> tuple[str, ...]:
    fixed = f",num-queues={spec.queues}" if spec.queues else ""
    return tuple(
        arg
        for slot, disk in enumerate(spec.disks, BOARDS[spec.guest.arch].first_disk_slot)
        for arg in _disk(disk, f"addr={slot:x}{fixed}")
    )


# no-flush: a flush protects from the host's crash only; the page cache outlives QEMU.
def _disk(disk: Disk, more: str) -> tuple[str, ...]:
    readonly = "on" if disk.readonly else "off"
    node = (
        f"driver={disk.format}",
        f"node-name={disk.serial}",
        f"read-only={readonly}",
        "cache.no-flush=on",
        *_file(disk),
    )
    halts = ",werror=stop" if disk.halts else ""
    shares = ",share-rw=on" if disk.shared else ""
    front = f"virtio-blk-pci,drive={disk.serial},serial={disk.serial},{more}{halts}{shares}"
    return ("-blockdev", ",".join(node), "-device", front)


def _file(disk: Disk) -> tuple[str, ...]:
    """Return the file below a disk, with a filter between that makes a write fail, if asked."""
    if disk.fails_at is None:
        return _plain_file(disk, "file")
    error = "file.inject-error.0"
    halts = (f"{error}.once=on", f"file.image.node-name={file_node(disk.serial)}")
    return (
        "file.driver=blkdebug",
        f"{error}.event=write_aio",
        f"{error}.iotype=write",
        f"{error}.errno=5",
        f"{error}.sector={disk.fails_at // _SECTOR}",
        *(halts if disk.halts else ()),
        "file.cache.no-flush=on",
        *_plain_file(disk, "file.image"),
    )


# locking=off: QEMU's own lock keeps a second block node of this very process out, too.
def _plain_file(disk: Disk, prefix: str) -> tuple[str, ...]:
    path = f"{prefix}.filename={_value(disk.path)}"
    shares = (f"{prefix}.locking=off",) if disk.shared else ()
    return (f"{prefix}.driver=file", path, *shares, f"{prefix}.cache.no-flush=on")


def _kernel(spec: MachineSpec, *, followed: bool) -> tuple[str, ...]:
    if spec.kernel is None:
        return ()
    initrd = () if spec.initrd is None else ("-initrd", os.fspath(spec.initrd))
    words = f"{spec.cmdline} {spec.followed}" if followed and spec.followed else spec.cmdline
    return ("-kernel", os.fspath(spec.kernel), *initrd, "-append", words)


# -S: the guest runs only after the monitor listens, so that none of its events is lost.
# defer: what is loaded is told by the monitor, which can be told of an error.
def _wired(wires: Wires) -> tuple[str, ...]:
    log = f"logfile={_value(wires.console_log)},logappend=on"  # behind what was printed before
    return (
        "-S",
        *(("-incoming", "defer") if wires.loads else ()),
        "-chardev", f"socket,id=qmp,fd={wires.qmp_fd}",
        "-mon", "chardev=qmp,mode=control",
        "-chardev", f"socket,id=console,fd={wires.console_fd},{log}",
        "-serial", "chardev:console",
        *(() if wires.debug is None else _stub(wires.debug)),
    )  # fmt: skip


def _stub(debug: DebugWires) -> tuple[str, ...]:
    return ("-chardev", f"socket,id=gdb,fd={debug.gdb_fd}", "-gdb", "chardev:gdb")


def _by_hand() -> tuple[str, ...]:
    return ("-serial", "mon:stdio")


# A comma ends a value in QEMU's option syntax unless it is doubled.
def _value(path: Path) -> str:
    return os.fspath(path).replace(",", ",,")
