"""Does an image come back on a machine that is not what it was?

vCPUs that are plugged in before the hibernation and taken away after the resume; a machine that
has more of them, or more memory, when the image is offered to it; and a root filesystem that
another boot has written to in between, which the kernel cannot know of.
"""

from dataclasses import replace

import pytest

from hibtest.spec import (
    Do,
    Expected,
    Firmware,
    GuestSpec,
    Outcome,
    Plug,
    ResumeSpec,
    Scenario,
    Unplug,
)
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

# An emulated machine can make no more vCPUs in all its life than it has room for: QEMU 10.0 counts
# those that went, too, and aborts (tcg_register_thread(), tcg/tcg.c).
ROOM = 6


def _plugged(kernel: str) -> Scenario:
    return Scenario(
        name="changed-KERNEL-plugged",
        guest=GuestSpec(kernel=kernel, vcpus=1, max_vcpus=ROOM),
        before=(Plug(vcpus=2),),
        after=(Plug(),),
        tags=("changed",),
    )


def _unplugged(kernel: str) -> Scenario:
    return Scenario(
        name="changed-KERNEL-unplugged",
        guest=GuestSpec(kernel=kernel, vcpus=3, max_vcpus=ROOM),
        before=(Unplug(),),
        after=(Unplug(), Plug(vcpus=2)),
        tags=("changed", "wide"),
    )


def _resumed(kernel: str, what: str, resume: ResumeSpec, *tags: str) -> Scenario:
    return Scenario(
        name=f"changed-KERNEL-{what}",
        guest=GuestSpec(kernel=kernel),
        resume=resume,
        tags=("changed", *tags),
    )


def _refused(scenario: Scenario, cause: str) -> Scenario:
    return replace(scenario, expected=Expected(outcome=Outcome.COLD_BOOT, cause=cause))


# What somebody does who boots a rescue system to make room, and resumes afterwards; not in /root,
# where the key lies with which the guest is looked at.
RESCUE = Do(
    command="for n in $(seq 400); do echo $n >/opt/rescued-$n; done"
    " && dd if=/dev/zero of=/opt/zeros bs=1M count=40"
    " && rm -rf /usr/share/doc /usr/share/man && sync"
)


def _written_to(kernel: str, *tags: str) -> Scenario:
    return Scenario(
        name="changed-KERNEL-root-written",
        guest=GuestSpec(kernel=kernel),
        between=(RESCUE,),
        expected=Expected(outcome=Outcome.CORRUPT, cause="filesystem"),
        tags=("changed", "filesystem", *tags),
    )


MORE_VCPUS = ResumeSpec(vcpus=4)
MORE_MEMORY = ResumeSpec(memory_mib=768)
UEFI = ResumeSpec(firmware=Firmware.OVMF)

SCENARIOS = (
    # 6.12 and 7.3 have no place for a CPU that was not there when they started ("plus 0 hotplug
    # CPUs"); and 7.3 stands still now and then where each emulated vCPU has a thread (QEMU 10.0)
    _plugged("bookworm"),
    _unplugged("bookworm"),
    _unplugged("trixie"),
    _resumed("bookworm", "more-vcpus", MORE_VCPUS, "wide"),
    _resumed("trixie", "more-vcpus", MORE_VCPUS, "wide"),
    _resumed("backports", "more-vcpus", MORE_VCPUS, "wide"),
    # the memory map is no longer the one that the image was made in
    _refused(_resumed("bookworm", "more-memory", MORE_MEMORY), "image-refused"),
    _refused(_resumed("trixie", "more-memory", MORE_MEMORY, "wide"), "image-refused"),
    _refused(_resumed("backports", "more-memory", MORE_MEMORY, "wide"), "image-refused"),
    _refused(_resumed("trixie", "firmware", UEFI, "wide"), "image-refused"),
    _written_to("bookworm", "wide"),
    _written_to("trixie"),
    _written_to("backports", "wide"),
)


def test_changed(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
