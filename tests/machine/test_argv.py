"""The command line, whole, against golden files.

``HIBTEST_UPDATE_GOLDEN=1 pytest tests/machine/test_argv.py`` writes them anew; look at the
difference before you commit it: a changed machine may refuse an image that an older one saved.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.machine.argv import argv
from hibtest.machine.shape import (
    Accel,
    DebugWires,
    Disk,
    DiskFormat,
    MachineSpec,
    Network,
    Wires,
)
from hibtest.spec import Firmware, GuestSpec, Topology

GOLDEN = Path(__file__).parent / "golden"
WIRES = Wires(qmp_fd=5, console_fd=7, console_log=Path("/runs/save/console.log"))
ROOT = Disk(serial="root", path=Path("/runs/root.qcow2"), format=DiskFormat.QCOW2)
SWAP = Disk(serial="swap", path=Path("/runs/swap.img"))
TOOLBOX = Disk(serial="toolbox", path=Path("/cache/toolbox.sqfs"), readonly=True)
MODULES = Disk(serial="modules", path=Path("/cache/modules.sqfs"), readonly=True)
TWO_VCPUS = MachineSpec(
    accel=Accel.TCG,
    guest=GuestSpec(kernel="trixie"),
    kernel=Path("/cache/bzImage"),
    initrd=Path("/cache/initrd"),
    cmdline="console=ttyS0 root=/dev/disk/by-id/virtio-root",
    disks=(ROOT, SWAP, TOOLBOX, MODULES),
)


def _guest(vcpus: int, max_vcpus: int | None = None, memory_mib: int = 512) -> MachineSpec:
    guest = GuestSpec(kernel="x", vcpus=vcpus, max_vcpus=max_vcpus, memory_mib=memory_mib)
    return replace(TWO_VCPUS, guest=guest)


SPECS = {
    "1-vcpu": _guest(vcpus=1),
    "2-vcpus": TWO_VCPUS,
    "4-vcpus": _guest(vcpus=4),
    "hotplug": replace(_guest(vcpus=2, max_vcpus=4), queues=4),
    "unplug": replace(_guest(vcpus=2, max_vcpus=4), queues=4, unplugs=True),
    "hotplug-kvm": replace(_guest(vcpus=2, max_vcpus=4), accel=Accel.KVM, queues=4),
    "topology": replace(
        TWO_VCPUS,
        guest=GuestSpec(kernel="x", vcpus=6, topology=Topology(sockets=2, cores=2, threads=2)),
    ),
    "memory": _guest(vcpus=2, memory_mib=2048),
    "kvm": replace(TWO_VCPUS, accel=Accel.KVM),
    "own-kernel": replace(TWO_VCPUS, disks=(ROOT, SWAP, TOOLBOX)),
    "firmware-only": replace(TWO_VCPUS, kernel=None, initrd=None, cmdline="", disks=()),
    "open-network": replace(TWO_VCPUS, network=Network.OPEN),
    "ovmf": replace(TWO_VCPUS, guest=GuestSpec(kernel="x", firmware=Firmware.OVMF)),
    "halts": replace(TWO_VCPUS, disks=(ROOT, replace(SWAP, fails_at=4096, halts=True))),
    "paths": replace(
        TWO_VCPUS,
        disks=(ROOT, replace(SWAP, shared=True), replace(SWAP, serial="swap_path", shared=True)),
    ),
    "comma": replace(
        TWO_VCPUS, disks=(replace(SWAP, path=Path("/runs/a,b.img")),), qemu="/opt/q,1/qemu"
    ),
}


# One option and its value a line, so that a difference reads well.
def _lines(command: tuple[str, ...]) -> str:
    text = command[0]
    for word in command[1:]:
        text += ("\n" if word.startswith("-") else " ") + word
    return text + "\n"


def _compare(name: str, command: tuple[str, ...]) -> None:
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("HIBTEST_UPDATE_GOLDEN"):
        golden.write_text(_lines(command))
    assert _lines(command) == golden.read_text()


@pytest.mark.parametrize("name", SPECS)
def test_command_line_is_the_golden_one(name: str) -> None:
    _compare(name, argv(SPECS[name], WIRES))


def test_command_to_type_is_the_golden_one() -> None:
    _compare("by-hand", argv(TWO_VCPUS))


def test_only_a_machine_that_is_followed_waits_for_an_answer() -> None:
    spec = replace(TWO_VCPUS, followed="hibtest.wait=early")
    assert f"{spec.cmdline} hibtest.wait=early" in argv(spec, WIRES)
    assert argv(spec) == argv(TWO_VCPUS)


def test_command_of_a_machine_to_look_into_is_the_golden_one() -> None:
    wires = replace(WIRES, debug=DebugWires(gdb_fd=9, memory_fd=11))
    _compare("debug", argv(replace(TWO_VCPUS, debug=True), wires))


def test_save_and_resume_boot_differ_in_command_line_and_wires_only() -> None:
    resume = replace(TWO_VCPUS, cmdline="resume=/dev/disk/by-id/virtio-swap")
    wires = Wires(qmp_fd=9, console_fd=11, console_log=Path("/runs/resume/console.log"))
    one, other = argv(TWO_VCPUS, WIRES), argv(resume, wires)
    differ = {a.partition("=")[0] for a, b in zip(one, other, strict=True) if a != b}
    assert differ == {"console", "socket,id"}


def test_an_open_network_is_the_same_hardware() -> None:
    closed, opened = argv(TWO_VCPUS, WIRES), argv(SPECS["open-network"], WIRES)
    [(one, other)] = [(a, b) for a, b in zip(closed, opened, strict=True) if a != b]
    assert one.replace("restrict=on", "restrict=off") == other


def test_a_disk_more_does_not_move_those_before_it() -> None:
    def slots(spec: MachineSpec) -> list[str]:
        return [word for word in argv(spec) if word.startswith("virtio-")]

    assert slots(TWO_VCPUS)[:4] == slots(SPECS["own-kernel"])
