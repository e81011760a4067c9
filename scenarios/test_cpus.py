"""Does an image come back where CPUs came, went, were switched off, or are missing?

vCPUs that are plugged in and taken away before the hibernation, between it and the resume ("What
if a cpu really is plugged in between hibernate and resume?", linux-pm, 2007), and after the resume;
CPUs that the guest itself switches off; threads of a core that are off; one socket and many; 1 to
16 of them (1, 2 and 4 in test_baseline.py). docs/cpus.md tells what came of each.
"""

import pytest

from hibtest.spec import (
    Do,
    Expected,
    GuestSpec,
    Offline,
    Online,
    Outcome,
    OwnStep,
    Plug,
    ResumeSpec,
    Scenario,
    Topology,
    Unplug,
    on_each,
)
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

# An emulated machine can make no more vCPUs in all its life than it has room for: QEMU 10.0 counts
# those that went, too, and aborts (tcg_register_thread(), tcg/tcg.c).
ROOM = 6
KERNELS = ("bookworm", "trixie", "backports")


def _guest(vcpus: int, *append: str) -> GuestSpec:
    return GuestSpec(kernel="trixie", vcpus=vcpus, append=append)


def _roomy(vcpus: int) -> GuestSpec:
    return GuestSpec(kernel="trixie", vcpus=vcpus, max_vcpus=ROOM)


def _shaped(shape: Topology, *append: str) -> GuestSpec:
    return GuestSpec(kernel="trixie", vcpus=shape.vcpus, topology=shape, append=append)


def _plugged() -> Scenario:
    return Scenario(
        name="cpus-KERNEL-plugged",
        guest=_roomy(1),
        before=(Plug(vcpus=2),),
        after=(Plug(),),
        tags=("cpus",),
    )


def _unplugged() -> Scenario:
    return Scenario(
        name="cpus-KERNEL-unplugged",
        guest=_roomy(3),
        before=(Unplug(),),
        after=(Unplug(), Plug(vcpus=2)),
        tags=("cpus",),
    )


def _between(what: str, step: OwnStep, expected: Expected) -> Scenario:
    return Scenario(
        name=f"cpus-KERNEL-{what}-between",
        guest=_roomy(3),
        between=(step,),
        expected=expected,
        tags=("cpus",),
    )


def _resumed_on(what: str, resume: ResumeSpec, expected: Expected) -> Scenario:
    return Scenario(
        name=f"cpus-KERNEL-{what}",
        guest=_guest(3),
        resume=resume,
        expected=expected,
        tags=("cpus",),
    )


def _offline() -> Scenario:
    return Scenario(
        name="cpus-KERNEL-offline",
        guest=_guest(4),
        before=(Offline(cpus=(1, 2)),),
        after=(Online(cpus=(1, 2)), Offline(cpus=(3,)), Online(cpus=(3,))),
        tags=("cpus",),
    )


def _offline_0() -> Scenario:
    return Scenario(
        name="cpus-KERNEL-offline-0",
        guest=_guest(2),
        before=(Offline(cpus=(0,), refused=True),),
        tags=("cpus",),
    )


# Up to 6.4 a kernel takes CPU 0 offline that is told so, and does not hibernate without it.
def _without_0() -> Scenario:
    return Scenario(
        name="cpus-KERNEL-without-0",
        guest=_guest(2, "cpu0_hotplug"),
        before=(Offline(cpus=(0,)),),
        expected=Expected(outcome=Outcome.REFUSED, cause="ENODEV"),
        tags=("cpus",),
    )


def _smt_off() -> Scenario:
    return Scenario(
        name="cpus-KERNEL-smt-off",
        guest=_shaped(TWO_BY_TWO),
        before=(SMT_OFF,),
        after=(STILL_OFF, SMT_ON),
        tags=("cpus",),
    )


def _nosmt() -> Scenario:
    return Scenario(
        name="cpus-KERNEL-nosmt",
        guest=_shaped(TWO_BY_TWO, "nosmt"),
        after=(STILL_OFF, SMT_ON),
        tags=("cpus",),
    )


def _shape(shape: Topology) -> Scenario:
    return Scenario(
        name=f"cpus-KERNEL-{shape.sockets}x{shape.cores}x{shape.threads}",
        guest=_shaped(shape),
        tags=("cpus",),
    )


TWO_BY_TWO = Topology(cores=2, threads=2)
_SMT = "/sys/devices/system/cpu/smt"
SMT_OFF = Do(command=f"echo off >{_SMT}/control && grep -qx 0 {_SMT}/active")
STILL_OFF = Do(command=f"grep -qx off {_SMT}/control && grep -qx 0 {_SMT}/active")
SMT_ON = Do(command=f"echo on >{_SMT}/control && grep -qx 1 {_SMT}/active")
MORE = ResumeSpec(vcpus=5)
FEWER = ResumeSpec(vcpus=1)
OTHER_MODEL = ResumeSpec(cpu="qemu64")

COMES_BACK = Expected()
LOST = Expected(outcome=Outcome.CORRUPT, cause="cpu-lost")
# A kernel that was started with features which the CPU no longer has runs into the first of them.
DIES = Expected(outcome=Outcome.PANIC, cause="RESTORE")

ASKED = (
    _plugged(),
    _unplugged(),
    _between("plugged", Plug(vcpus=2), COMES_BACK),
    _between("unplugged", Unplug(), LOST),
    _resumed_on("more", MORE, COMES_BACK),
    _resumed_on("fewer", FEWER, LOST),
    _resumed_on("model", OTHER_MODEL, DIES),
    _offline(),
    _offline_0(),
    _smt_off(),
    _nosmt(),
    _shape(Topology(sockets=4)),
    _shape(Topology(sockets=2, cores=2, threads=2)),
    _shape(Topology(sockets=2, cores=4, threads=2)),
)
SCENARIOS = (
    *on_each(KERNELS, ASKED, usual={"cpus-trixie-plugged"}),
    *on_each(("bookworm",), (_without_0(),), usual=()),
)


def test_cpus(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
