"""Does an image come back from wherever swap may live?

A file on a filesystem, which the kernel finds by its offset; several swaps, of which the one to
resume from is not the one that is used first; a logical volume on an encrypted disk, which early
userspace opens before it looks for an image. By the kernel and by the agent.
"""

import pytest

from hibtest.spec import (
    AgentMethod,
    Crypt,
    Filesystem,
    GuestSpec,
    KernelMethod,
    Layout,
    Linear,
    Method,
    Scenario,
    SwapDisk,
    SwapFile,
    Volume,
)
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

FILE = (SwapFile(size_mib=768),)
FILE_ON_XFS = (SwapFile(size_mib=768, filesystem=Filesystem.XFS),)
FILE_ON_BTRFS = (SwapFile(size_mib=768, filesystem=Filesystem.BTRFS),)
LOW_AND_HIGH = (SwapDisk(size_mib=768, priority=1), SwapDisk(size_mib=256, priority=9))
LV_ON_CRYPT = (SwapDisk(size_mib=800, on=(Crypt(), Volume())),)
FILE_ON_CRYPT = (SwapFile(size_mib=768, on=(Linear(), Crypt(sector_size=4096))),)

KERNEL, AGENT = KernelMethod(), AgentMethod(compress="zstd")


def _layout(
    kernel: str, what: str, layout: Layout, method: Method, *tags: str, lives: int = 2
) -> Scenario:
    return Scenario(
        name=f"layout-KERNEL-{what}",
        guest=GuestSpec(kernel=kernel, vcpus=1),
        layout=layout,
        method=method,
        lives=lives,
        tags=("layout", *tags),
    )


SCENARIOS = (
    _layout("bookworm", "file", FILE, KERNEL, "wide", lives=1),
    _layout("trixie", "file", FILE, KERNEL, lives=1),
    _layout("backports", "file", FILE, KERNEL, "wide", lives=1),
    _layout("trixie", "file-on-xfs", FILE_ON_XFS, KERNEL, "wide", lives=1),
    _layout("trixie", "file-on-btrfs", FILE_ON_BTRFS, KERNEL, "wide", lives=1),
    _layout("trixie", "agent-file", FILE, AGENT, "wide"),
    _layout("trixie", "priorities", LOW_AND_HIGH, KERNEL, "wide"),
    _layout("backports", "agent-priorities", LOW_AND_HIGH, AGENT, "wide", lives=1),
    _layout("bookworm", "lv-on-crypt", LV_ON_CRYPT, KERNEL, lives=1),
    _layout("trixie", "lv-on-crypt", LV_ON_CRYPT, KERNEL, "wide", lives=1),
    _layout("backports", "lv-on-crypt", LV_ON_CRYPT, KERNEL, "wide", lives=1),
    _layout("trixie", "agent-lv-on-crypt", LV_ON_CRYPT, AGENT, "wide"),
    _layout("backports", "file-on-crypt", FILE_ON_CRYPT, KERNEL, "wide"),
)


def test_layout(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
