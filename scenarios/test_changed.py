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
)
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest


def _resumed(kernel: str, what: str, resume: ResumeSpec, *tags: str) -> Scenario:
    return Scenario(
        name=f"changed-KERNEL-{what}",
        guest=GuestSpec(kernel=kernel),
        resume=resume,
        tags=("changed", *tags),
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


def _written_to(kernel: str, *tags: str) -> Scenario:
    return Scenario(
        name="changed-KERNEL-root-written",
        guest=GuestSpec(kernel=kernel),
        between=(RESCUE,),
        expected=FILESYSTEM,
        tags=("changed", "filesystem", *tags),
    )


# Somebody looks around from another system, and changes nothing himself. With the disk mounted
# read-only ext4 still replays the journal, and deletes files that are open without a name
# (ext4_orphan_cleanup(), fs/ext4/orphan.c, 6.1 to 7.3).
LOOK = Do(command="find / -xdev -type f -exec cat {} + >/dev/null")


def _looked_at(kernel: str, mounts: Mounts, expected: Expected, *tags: str) -> Scenario:
    return Scenario(
        name=f"changed-KERNEL-root-{mounts}",
        guest=GuestSpec(kernel=kernel),
        between=(LOOK,),
        mounts=mounts,
        expected=expected,
        tags=("changed", "filesystem", *tags),
    )


def _again(kernel: str, what: PutBack, expected: Expected, *tags: str) -> Scenario:
    return Scenario(
        name=f"changed-KERNEL-again-{what}",
        guest=GuestSpec(kernel=kernel),
        resume=ResumeSpec(again=what),
        expected=expected,
        tags=("changed", "again", *tags),
    )


# kexec(8) gives the kernel that it starts another memory map: it begins at 0x400, the firmware's,
# which the next boot has, at 0.
KEXEC = Scenario(
    name="changed-KERNEL-kexec",
    guest=GuestSpec(kernel="trixie", kexec=True),
    expected=Expected(outcome=Outcome.COLD_BOOT, cause="image-refused"),
    tags=("changed", "wide"),
)
MORE_MEMORY = ResumeSpec(memory_mib=768)
UEFI = ResumeSpec(firmware=Firmware.OVMF)
LESS_MEMORY = ResumeSpec(memory_mib=448)
MORE_DISKS = ResumeSpec(more_disks=1)
REORDERED = ResumeSpec(reordered=True)
NO_KASLR = ResumeSpec(append=("nokaslr",))
OTHER_WORDS = ResumeSpec(append=("nosmt", "mitigations=off", "init_on_free=1", "maxcpus=1"))

SCENARIOS = (
    # the memory map is no longer the one that the image was made in
    _refused(_resumed("bookworm", "more-memory", MORE_MEMORY), "image-refused"),
    _refused(_resumed("trixie", "more-memory", MORE_MEMORY, "wide"), "image-refused"),
    _refused(_resumed("backports", "more-memory", MORE_MEMORY, "wide"), "image-refused"),
    KEXEC.on("bookworm"),
    KEXEC,
    KEXEC.on("backports"),
    _refused(_resumed("trixie", "less-memory", LESS_MEMORY, "wide"), "image-refused"),
    _refused(_resumed("trixie", "disk-more", MORE_DISKS, "wide"), "image-refused"),
    # drivers are bound by place, and do not look whose disk is there now: the root reads as zeros
    replace(
        _resumed("trixie", "disks-reordered", REORDERED, "wide"),
        expected=Expected(outcome=Outcome.HUNG, cause="WITNESS"),
    ),
    _resumed("trixie", "no-kaslr", NO_KASLR, "wide"),
    _resumed("trixie", "words", OTHER_WORDS, "wide"),
    _resumed("trixie", "by-backports", ResumeSpec(kernel="backports"), "wide"),
    _resumed("trixie", "by-bookworm", ResumeSpec(kernel="bookworm"), "wide"),
    _resumed("bookworm", "by-trixie", ResumeSpec(kernel="trixie"), "wide"),
    _resumed("backports", "by-trixie", ResumeSpec(kernel="trixie"), "wide"),
    _refused(_resumed("trixie", "firmware", UEFI, "wide"), "image-refused"),
    _written_to("bookworm", "wide"),
    _written_to("trixie"),
    _written_to("backports", "wide"),
    *(_looked_at(kernel, Mounts.UNTOUCHED, Expected(), "wide") for kernel in KERNELS),
    *(_looked_at(kernel, Mounts.READ_ONLY, FILESYSTEM, "wide") for kernel in KERNELS),
    # a copy of all disks is resumed from like the first time; one of the image, over a root that
    # has gone on, is not
    *(_again(kernel, PutBack.DISKS, Expected(), "wide") for kernel in KERNELS),
    *(_again(kernel, PutBack.IMAGE, FUTURE, "wide") for kernel in KERNELS),
)


def test_changed(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
