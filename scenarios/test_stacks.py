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
    on_each,
)
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

KERNELS = ("bookworm", "trixie", "backports")
KERNEL, AGENT = KernelMethod(), AgentMethod(compress="zstd")
RESUMED = Expected()
# What dm-integrity's journal takes lies in memory until 10 s have passed or somebody asks for a
# flush (dm_integrity_map_continue(), integrity_commit(), drivers/md/dm-integrity.c, 6.1 to 7.3).
LOST = Expected(outcome=Outcome.COLD_BOOT, cause="not-armed")

# Without a journal the data are written, and their checksums wait in memory (dm-bufio): neither
# image nor swap can be read.
DAMAGED = Expected(outcome=Outcome.CORRUPT)

# The resumed kernel knows the journal as it was at the snapshot; on the disk it has gone on since.
OLDER = Expected(outcome=Outcome.CORRUPT, cause="still-armed")


def _stack(
    what: str,
    *,
    swap: Stack = (),
    root: Stack = (),
    method: Method = KERNEL,
    expected: Expected = RESUMED,
) -> Scenario:
    return Scenario(
        name=f"stack-KERNEL-{what}",
        guest=GuestSpec(kernel="trixie", vcpus=1, root=root),
        layout=(SwapDisk(size_mib=384, on=swap),),
        method=method,
        expected=expected,
        tags=("stack",),
    )


ASKED = (
    _stack("striped", swap=(Striped(),), root=(Striped(chunk_kib=4),)),
    _stack("raid1", swap=(Raid1(),), root=(Raid1(),)),
    _stack("delay", swap=(Delay(),), root=(Delay(ms=5),)),
    _stack("flakey", swap=(Flakey(),), root=(Flakey(),)),
    _stack("multipath", swap=(Multipath(),), root=(Multipath(),)),
    # Not by the kernel to a thin device that is not given out yet: what its pool gave out in the
    # last second before the power-off is lost, or not, as it comes (COMMIT_PERIOD,
    # drivers/md/dm-thin.c, 6.1 to 7.3), and with it pages of an image that is signed.
    _stack("provisioned-swap", swap=(Thin(provisioned=True),)),
    _stack("thin-root", root=(Thin(),)),
    _stack("snapshot-swap", swap=(Snapshot(),)),
    _stack("snapshot-root", root=(Snapshot(),)),
    _stack("origin-swap", swap=(Origin(),)),
    _stack("origin-root", root=(Origin(),)),
    _stack("integrity-swap", swap=(Integrity(),), expected=LOST),
    _stack("direct-integrity-swap", swap=(Integrity(journal=False),), expected=DAMAGED),
    _stack("integrity-root", root=(Integrity(),)),
    _stack("agent-integrity-swap", swap=(Integrity(),), method=AGENT, expected=OLDER),
    _stack("agent-thin-swap", swap=(Thin(),), method=AGENT),
    _stack("agent-striped", swap=(Striped(),), root=(Striped(),), method=AGENT),
    _stack("linear-on-crypt-on-raid1", swap=(Raid1(), Crypt(), Linear())),
    _stack("lv-on-thin", swap=(Thin(provisioned=True), Volume())),
    _stack("root-crypt-striped-paths", root=(Multipath(), Striped(), Crypt())),
)
SCENARIOS = on_each(KERNELS, ASKED, usual={"stack-trixie-striped"})


def test_stack(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
