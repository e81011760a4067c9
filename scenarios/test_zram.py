"""Does an image come back where swap in compressed memory is beside the swap on disk?

Pages that are swapped out to zram are memory as any other, and in the image. But an image that is
written to zram goes with the power, and the kernel has nothing against it: it is what becomes of it
where zram is the only swap, or where the kernel is told of no device, and zram was switched on
first (find_first_swap(), mm/swapfile.c, 6.1 to 7.3).
"""

import pytest

from hibtest.spec import (
    Expected,
    GuestSpec,
    Layout,
    Named,
    Outcome,
    ResumeSpec,
    Scenario,
    SwapDisk,
    SwapZram,
)
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

BESIDE = (SwapDisk(size_mib=768, priority=9), SwapZram(priority=1))
BEFORE = (SwapDisk(size_mib=768, priority=1), SwapZram(priority=9))
ALONE = (SwapZram(size_mib=256),)
FIRST = (SwapZram(size_mib=256, priority=1), SwapDisk(size_mib=768, priority=9))
KERNELS = ("bookworm", "trixie", "backports")

BACK, LOST = Expected(), Expected(outcome=Outcome.COLD_BOOT, cause="not-armed")
TOLD, UNTOLD = ResumeSpec(), ResumeSpec(named=Named.NOT)


def _zram(
    kernel: str, what: str, layout: Layout, expected: Expected, resume: ResumeSpec = TOLD
) -> Scenario:
    return Scenario(
        name=f"zram-KERNEL-{what}",
        guest=GuestSpec(kernel=kernel, vcpus=1),
        layout=layout,
        resume=resume,
        expected=expected,
        tags=("layout", "zram", "wide"),
    )


SCENARIOS = (
    *(_zram(kernel, "beside", BESIDE, BACK) for kernel in KERNELS),
    *(_zram(kernel, "preferred", BEFORE, BACK) for kernel in KERNELS),
    *(_zram(kernel, "alone", ALONE, LOST) for kernel in KERNELS),
    *(_zram(kernel, "first", FIRST, LOST, UNTOLD) for kernel in KERNELS),
)


def test_zram(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
