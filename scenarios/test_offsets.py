"""What comes of it when the kernel is told of another swap than the one that there is, or of none?

Of the swap by resume=, and where in it a swap file begins by resume_offset=: a number that stands
in a bootloader's configuration, and is stale once the file was made anew; /sys/power/resume_offset
is as stale until somebody writes there. What is wrong at the hibernation is refused when all of the
snapshot was taken; what is wrong at the resume has the guest start afresh, and the image wait.
"""

import pytest

from hibtest.spec import (
    Do,
    Expected,
    GuestSpec,
    Layout,
    MoveSwap,
    Named,
    Offset,
    Outcome,
    OwnStep,
    ResumeSpec,
    Scenario,
    SwapDisk,
    SwapFile,
    on_each,
)
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

FILE = (SwapFile(size_mib=512),)
DISK = (SwapDisk(size_mib=512),)
NODE = "/dev/disk/by-id/virtio-swap"
KERNELS = ("bookworm", "trixie", "backports")

TOLD, UNTOLD = MoveSwap(), MoveSwap(told=False)
NO_OFFSET = Do(command="echo 0 >/sys/power/resume_offset")
OTHER_OFFSET = Do(command="echo 7 >/sys/power/resume_offset")

AFRESH = Expected(outcome=Outcome.COLD_BOOT, cause="no-image")
UNTRIED = Expected(outcome=Outcome.COLD_BOOT, cause="no-attempt")
NO_SWAP = Expected(outcome=Outcome.REFUSED, cause="ENODEV")
BACK = Expected()


def _asked(
    what: str,
    expected: Expected,
    *before: OwnStep,
    layout: Layout = FILE,
    resume: ResumeSpec | None = None,
) -> Scenario:
    return Scenario(
        name=f"offset-KERNEL-{what}",
        guest=GuestSpec(kernel="trixie", vcpus=1),
        layout=layout,
        resume=resume or ResumeSpec(),
        before=before,
        expected=expected,
        tags=("layout", "offset"),
    )


ASKED = (
    _asked("moved", BACK, TOLD),
    _asked("stale", AFRESH, TOLD, resume=ResumeSpec(offset=Offset.STALE)),
    _asked("missing", AFRESH, resume=ResumeSpec(offset=Offset.MISSING)),
    _asked("wrong", AFRESH, resume=ResumeSpec(offset=7)),
    _asked("stale-at-save", NO_SWAP, UNTOLD),
    _asked("missing-at-save", NO_SWAP, NO_OFFSET),
    _asked("wrong-at-save", NO_SWAP, OTHER_OFFSET),
    _asked("untold", UNTRIED, layout=DISK, resume=ResumeSpec(named=Named.NOT)),
    _asked("told-late", BACK, layout=DISK, resume=ResumeSpec(named=Named.NOT, device=NODE)),
    _asked("untold-file", NO_SWAP, resume=ResumeSpec(named=Named.NOT)),
)
SCENARIOS = on_each(KERNELS, ASKED, usual={"offset-trixie-stale"})


def test_offset(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
