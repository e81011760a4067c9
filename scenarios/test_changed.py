"""Does an image come back on a machine that is not what it was?

A machine that has more memory or less, a disk more, its disks in other places, another firmware, or
another kernel, when the image is offered to it; a kernel that was started by kexec when it made the
image; and a root filesystem that another boot has written to in between, which the kernel cannot
know of. What comes of other CPUs is asked in test_cpus.py.
"""

from dataclasses import replace

import pytest

from hibtest.spec import (
    Do,
    Expected,
    Firmware,
    GuestSpec,
    Mounts,
    Outcome,
    PutBack,
    ResumeSpec,
    Scenario,
    on_each,
)
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest


def _resumed(what: str, resume: ResumeSpec) -> Scenario:
    return Scenario(
        name=f"changed-KERNEL-{what}",
        guest=GuestSpec(kernel="trixie"),
        resume=resume,
        tags=("changed",),
    )


def _refused(scenario: Scenario, cause: str) -> Scenario:
    return replace(scenario, expected=Expected(outcome=Outcome.COLD_BOOT, cause=cause))


KERNELS = ("bookworm", "trixie", "backports")
FUTURE = Expected(outcome=Outcome.CORRUPT, cause="witness-storage-future")
FILESYSTEM = Expected(outcome=Outcome.CORRUPT, cause="filesystem")
# What somebody does who boots a rescue system to make room, and resumes afterwards; not in /root,
# where the key lies with which the guest is looked at.
RESCUE = Do(
    command="for n in $(seq 400); do echo $n >/opt/rescued-$n; done"
    " && dd if=/dev/zero of=/opt/zeros bs=1M count=40"
    " && rm -rf /usr/share/doc /usr/share/man && sync"
)


WRITTEN = Scenario(
    name="changed-KERNEL-root-written",
    guest=GuestSpec(kernel="trixie"),
    between=(RESCUE,),
    expected=FILESYSTEM,
    tags=("changed", "filesystem"),
)


# Somebody looks around from another system, and changes nothing himself. With the disk mounted
# read-only ext4 still replays the journal, and deletes files that are open without a name
# (ext4_orphan_cleanup(), fs/ext4/orphan.c, 6.1 to 7.3).
LOOK = Do(command="find / -xdev -type f -exec cat {} + >/dev/null")


def _looked_at(mounts: Mounts, expected: Expected) -> Scenario:
    return Scenario(
        name=f"changed-KERNEL-root-{mounts}",
        guest=GuestSpec(kernel="trixie"),
        between=(LOOK,),
        mounts=mounts,
        expected=expected,
        tags=("changed", "filesystem"),
    )


def _again(what: PutBack, expected: Expected) -> Scenario:
    return Scenario(
        name=f"changed-KERNEL-again-{what}",
        guest=GuestSpec(kernel="trixie"),
        resume=ResumeSpec(again=what),
        expected=expected,
        tags=("changed", "again"),
    )


# kexec(8) gives the kernel that it starts another memory map: it begins at 0x400, the firmware's,
# which the next boot has, at 0.
KEXEC = Scenario(
    name="changed-KERNEL-kexec",
    guest=GuestSpec(kernel="trixie", kexec=True),
    expected=Expected(outcome=Outcome.COLD_BOOT, cause="image-refused"),
    tags=("changed",),
)
MORE_MEMORY = ResumeSpec(memory_mib=768)
UEFI = ResumeSpec(firmware=Firmware.OVMF)
LESS_MEMORY = ResumeSpec(memory_mib=448)
MORE_DISKS = ResumeSpec(more_disks=1)
REORDERED = ResumeSpec(reordered=True)
NO_KASLR = ResumeSpec(append=("nokaslr",))
OTHER_WORDS = ResumeSpec(append=("nosmt", "mitigations=off", "init_on_free=1", "maxcpus=1"))


def _by(kernel: str) -> tuple[Scenario, ...]:
    """Have a kernel resume the images of all others."""
    others = (one for one in KERNELS if one != kernel)
    return on_each(others, [_resumed(f"by-{kernel}", ResumeSpec(kernel=kernel))], usual=())


ASKED = (
    # the memory map is no longer the one that the image was made in
    _refused(_resumed("more-memory", MORE_MEMORY), "image-refused"),
    _refused(_resumed("less-memory", LESS_MEMORY), "image-refused"),
    _refused(_resumed("disk-more", MORE_DISKS), "image-refused"),
    _refused(_resumed("firmware", UEFI), "image-refused"),
    KEXEC,
    # drivers are bound by place, and do not look whose disk is there now: the root reads as zeros
    replace(
        _resumed("disks-reordered", REORDERED),
        expected=Expected(outcome=Outcome.HUNG, cause="WITNESS"),
    ),
    _resumed("no-kaslr", NO_KASLR),
    _resumed("words", OTHER_WORDS),
    WRITTEN,
    _looked_at(Mounts.UNTOUCHED, Expected()),
    _looked_at(Mounts.READ_ONLY, FILESYSTEM),
    # a copy of all disks is resumed from like the first time; one of the image, over a root that
    # has gone on, is not
    _again(PutBack.DISKS, Expected()),
    _again(PutBack.IMAGE, FUTURE),
)
USUAL = {"changed-bookworm-more-memory", "changed-trixie-root-written"}
SCENARIOS = (
    *on_each(KERNELS, ASKED, usual=USUAL),
    *_by("bookworm"),
    *_by("trixie"),
    *_by("backports"),
)


def test_changed(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
