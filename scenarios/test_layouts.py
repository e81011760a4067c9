"""Does an image come back from wherever swap may live?

A file on a filesystem, which the kernel finds by its offset, whole or in hundreds of pieces; a
partition; several swaps, of which the one to resume from is not the one that is used first; a
logical volume on an encrypted disk, which early userspace opens before it looks for an image. By
the kernel and by the agent. And from a swap that is half full of other pages, that was switched off
and on again, or that has no room for the image.
"""

from dataclasses import replace

import pytest

from hibtest.spec import (
    AgentMethod,
    Crypt,
    Do,
    Expected,
    Filesystem,
    FullSwap,
    GuestSpec,
    KernelMethod,
    Layout,
    Linear,
    Method,
    Named,
    Outcome,
    ResumeSpec,
    Scenario,
    SwapDisk,
    SwapFile,
    SwapPartition,
    Table,
    Volume,
    on_each,
)
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

FILE = (SwapFile(size_mib=768),)
FILE_ON_XFS = (SwapFile(size_mib=768, filesystem=Filesystem.XFS),)
FILE_ON_BTRFS = (SwapFile(size_mib=768, filesystem=Filesystem.BTRFS),)
IN_PIECES = (SwapFile(size_mib=512, pieces=256),)
IN_PIECES_ON_XFS = (SwapFile(size_mib=512, pieces=256, filesystem=Filesystem.XFS),)
IN_PIECES_ON_BTRFS = (SwapFile(size_mib=512, pieces=256, filesystem=Filesystem.BTRFS),)
ON_GPT = (SwapPartition(size_mib=768),)
ON_MBR = (SwapPartition(size_mib=768, table=Table.MBR),)
LV = (SwapDisk(size_mib=768, on=(Volume(),)),)
LOW_AND_HIGH = (SwapDisk(size_mib=768, priority=1), SwapDisk(size_mib=256, priority=9))
LV_ON_CRYPT = (SwapDisk(size_mib=800, on=(Crypt(), Volume())),)
FILE_ON_CRYPT = (SwapFile(size_mib=768, on=(Linear(), Crypt(sector_size=4096))),)

KERNELS = ("bookworm", "trixie", "backports")
KERNEL, AGENT = KernelMethod(), AgentMethod(compress="zstd")


def _layout(what: str, layout: Layout, method: Method = KERNEL, *, lives: int = 1) -> Scenario:
    return Scenario(
        name=f"layout-KERNEL-{what}",
        guest=GuestSpec(kernel="trixie", vcpus=1),
        layout=layout,
        method=method,
        lives=lives,
        tags=("layout",),
    )


def _named(what: str, layout: Layout, named: Named) -> Scenario:
    return replace(_layout(what, layout), resume=ResumeSpec(named=named))


FULL = replace(_layout("full", (SwapDisk(size_mib=320),)), workloads=(FullSwap(),))
# The same device node, and the same place among the kernel's swaps.
OFF_AND_ON = Do(command="/usr/sbin/swapoff /swap/file && /usr/sbin/swapon /swap/file")


SWITCHED = replace(_layout("off-and-on", FILE, lives=2), before=(OFF_AND_ON,), after=(OFF_AND_ON,))


def _sized(what: str, mib: int) -> Scenario:
    """Ask for an image that is not compressed with a swap of some size.

    Without compression the kernel asks whether there are more slots than pages, and 4 MiB more
    (enough_swap(), kernel/power/swap.c, 6.1 to 7.3); else it writes until there are none.
    """
    scenario = _layout(what, (SwapDisk(size_mib=mib),))
    plain = replace(scenario.guest, append=("hibernate=nocompress",))
    return replace(scenario, guest=plain)


NO_ROOM = Expected(outcome=Outcome.REFUSED, cause="ENOSPC")
ASKED = (
    _layout("gpt", ON_GPT),
    _layout("mbr", ON_MBR),
    _named("gpt-by-partuuid", ON_GPT, Named.PARTUUID),
    _named("mbr-by-partuuid", ON_MBR, Named.PARTUUID),
    _named("gpt-by-uuid", ON_GPT, Named.UUID),
    _layout("lv", LV),
    _layout("lv-on-crypt", LV_ON_CRYPT),
    _layout("agent-lv-on-crypt", LV_ON_CRYPT, AGENT),
    _layout("priorities", LOW_AND_HIGH),
    _layout("agent-priorities", LOW_AND_HIGH, AGENT),
    _layout("file", FILE),
    _layout("file-on-xfs", FILE_ON_XFS),
    _layout("file-on-btrfs", FILE_ON_BTRFS),
    _layout("file-on-crypt", FILE_ON_CRYPT),
    _layout("agent-file", FILE, AGENT),
    _layout("pieces", IN_PIECES),
    _layout("pieces-on-xfs", IN_PIECES_ON_XFS),
    _layout("pieces-on-btrfs", IN_PIECES_ON_BTRFS),
    _layout("agent-pieces", IN_PIECES, AGENT),
    FULL,
    SWITCHED,
    _sized("roomy", 320),
    replace(_sized("too-small", 64), expected=NO_ROOM),
)
SCENARIOS = on_each(KERNELS, ASKED, usual={"layout-trixie-file", "layout-bookworm-lv-on-crypt"})


def test_layout(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
