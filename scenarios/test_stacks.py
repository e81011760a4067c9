"""Does an image come back from, and a root survive on, every target of the device mapper?

Each stands below the swap, below the root or below both; early userspace builds the same again
before it looks for an image. By the kernel and by the agent, whose difference tells: the kernel
never asks a device to have on the medium what was written (no flush in kernel/power/swap.c), the
agent does.
"""

import pytest

from hibtest.spec import (
    AgentMethod,
    Crypt,
    Delay,
    Expected,
    Flakey,
    GuestSpec,
    Integrity,
    KernelMethod,
    Linear,
    Method,
    Multipath,
    Origin,
    Outcome,
    Raid1,
    Scenario,
    Snapshot,
    Stack,
    Striped,
    SwapDisk,
    Thin,
    Volume,
)
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

KERNEL, AGENT = KernelMethod(), AgentMethod(compress="zstd")
RESUMED = Expected()
# What dm-integrity's journal takes lies in memory until 10 s have passed or somebody asks for a
# flush (dm_integrity_map_continue(), integrity_commit(), drivers/md/dm-integrity.c, 6.1 to 7.3).
LOST = Expected(outcome=Outcome.COLD_BOOT, cause="not-armed")


def _stack(
    kernel: str,
    what: str,
    *tags: str,
    swap: Stack = (),
    root: Stack = (),
    method: Method = KERNEL,
    expected: Expected = RESUMED,
) -> Scenario:
    return Scenario(
        name=f"stack-KERNEL-{what}",
        guest=GuestSpec(kernel=kernel, vcpus=1, root=root),
        layout=(SwapDisk(size_mib=384, on=swap),),
        method=method,
        expected=expected,
        tags=("stack", *tags),
    )


SCENARIOS = (
    _stack("trixie", "striped", swap=(Striped(),), root=(Striped(chunk_kib=4),)),
    _stack("trixie", "raid1", "wide", swap=(Raid1(),), root=(Raid1(),)),
    _stack("trixie", "delay", "wide", swap=(Delay(),), root=(Delay(ms=5),)),
    _stack("trixie", "flakey", "wide", swap=(Flakey(),), root=(Flakey(),)),
    _stack("trixie", "multipath", "wide", swap=(Multipath(),), root=(Multipath(),)),
    # Not by the kernel to a thin device that is not given out yet: what its pool gave out in the
    # last second before the power-off is lost, or not, as it comes (COMMIT_PERIOD,
    # drivers/md/dm-thin.c, 6.1 to 7.3), and with it pages of an image that is signed.
    _stack("trixie", "provisioned-swap", "wide", swap=(Thin(provisioned=True),)),
    _stack("trixie", "thin-root", "wide", root=(Thin(),)),
    _stack("trixie", "snapshot-swap", "wide", swap=(Snapshot(),)),
    _stack("trixie", "snapshot-root", "wide", root=(Snapshot(),)),
    _stack("trixie", "origin-swap", "wide", swap=(Origin(),)),
    _stack("trixie", "origin-root", "wide", root=(Origin(),)),
    _stack("trixie", "integrity-swap", "wide", swap=(Integrity(),), expected=LOST),
    _stack("trixie", "direct-integrity-swap", "wide", swap=(Integrity(journal=False),)),
    _stack("trixie", "integrity-root", "wide", root=(Integrity(),)),
    _stack("trixie", "agent-integrity-swap", "wide", swap=(Integrity(),), method=AGENT),
    _stack("trixie", "agent-thin-swap", "wide", swap=(Thin(),), method=AGENT),
    _stack("trixie", "agent-striped", "wide", swap=(Striped(),), root=(Striped(),), method=AGENT),
    _stack("trixie", "linear-on-crypt-on-raid1", "wide", swap=(Raid1(), Crypt(), Linear())),
    _stack("trixie", "lv-on-thin", "wide", swap=(Thin(provisioned=True), Volume())),
    _stack("trixie", "root-crypt-striped-paths", "wide", root=(Multipath(), Striped(), Crypt())),
)


def test_stack(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
