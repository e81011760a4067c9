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

KERNEL, AGENT = KernelMethod(), AgentMethod(compress="zstd")


def _layout(
    kernel: str, what: str, layout: Layout, method: Method, *tags: str, lives: int = 1
) -> Scenario:
    return Scenario(
        name=f"layout-KERNEL-{what}",
        guest=GuestSpec(kernel=kernel, vcpus=1),
        layout=layout,
        method=method,
        lives=lives,
        tags=("layout", *tags),
    )


def _named(kernel: str, what: str, layout: Layout, named: Named, *tags: str) -> Scenario:
    scenario = _layout(kernel, what, layout, KERNEL, *tags)
    return replace(scenario, resume=ResumeSpec(named=named))


def _full(kernel: str, *tags: str) -> Scenario:
    scenario = _layout(kernel, "full", (SwapDisk(size_mib=320),), KERNEL, *tags)
    return replace(scenario, workloads=(FullSwap(),))


# The same device node, and the same place among the kernel's swaps.
OFF_AND_ON = Do(command="/usr/sbin/swapoff /swap/file && /usr/sbin/swapon /swap/file")


def _off_and_on(kernel: str, *tags: str) -> Scenario:
    scenario = _layout(kernel, "off-and-on", FILE, KERNEL, *tags, lives=2)
    return replace(scenario, before=(OFF_AND_ON,), after=(OFF_AND_ON,))


def _sized(kernel: str, what: str, mib: int, *tags: str, compress: bool) -> Scenario:
    """Ask for an image with a swap of some size; one that is not compressed says its size before.

    Without compression the kernel asks whether there are more slots than pages, and 4 MiB more
    (enough_swap(), kernel/power/swap.c, 6.1 to 7.3); else it writes until there are none.
    """
    scenario = _layout(kernel, what, (SwapDisk(size_mib=mib),), KERNEL, *tags)
    append = () if compress else ("hibernate=nocompress",)
    return replace(scenario, guest=replace(scenario.guest, append=append))


def _too_small(kernel: str, what: str, mib: int, *tags: str, compress: bool) -> Scenario:
    scenario = _sized(kernel, what, mib, *tags, compress=compress)
    return replace(scenario, expected=Expected(outcome=Outcome.REFUSED, cause="ENOSPC"))


SCENARIOS = (
    _layout("bookworm", "gpt", ON_GPT, KERNEL, "wide"),
    _layout("trixie", "gpt", ON_GPT, KERNEL, "wide"),
    _layout("backports", "gpt", ON_GPT, KERNEL, "wide"),
    _layout("bookworm", "mbr", ON_MBR, KERNEL, "wide"),
    _layout("trixie", "mbr", ON_MBR, KERNEL, "wide"),
    _layout("backports", "mbr", ON_MBR, KERNEL, "wide"),
    _named("trixie", "gpt-by-partuuid", ON_GPT, Named.PARTUUID, "wide"),
    _named("trixie", "mbr-by-partuuid", ON_MBR, Named.PARTUUID, "wide"),
    _named("trixie", "gpt-by-uuid", ON_GPT, Named.UUID, "wide"),
    _layout("bookworm", "pieces", IN_PIECES, KERNEL, "wide"),
    _layout("trixie", "pieces", IN_PIECES, KERNEL, "wide"),
    _layout("backports", "pieces", IN_PIECES, KERNEL, "wide"),
    _layout("trixie", "pieces-on-xfs", IN_PIECES_ON_XFS, KERNEL, "wide"),
    _layout("trixie", "pieces-on-btrfs", IN_PIECES_ON_BTRFS, KERNEL, "wide"),
    _layout("trixie", "agent-pieces", IN_PIECES, AGENT, "wide"),
    _layout("trixie", "lv", LV, KERNEL, "wide"),
    _full("bookworm", "wide"),
    _full("trixie", "wide"),
    _full("backports", "wide"),
    _off_and_on("bookworm", "wide"),
    _off_and_on("trixie", "wide"),
    _off_and_on("backports", "wide"),
    _sized("trixie", "roomy", 320, "wide", compress=False),
    _too_small("bookworm", "too-small", 64, "wide", compress=False),
    _too_small("trixie", "too-small", 64, "wide", compress=False),
    _too_small("backports", "too-small", 64, "wide", compress=False),
    _layout("bookworm", "file", FILE, KERNEL, "wide"),
    _layout("trixie", "file", FILE, KERNEL),
    _layout("backports", "file", FILE, KERNEL, "wide"),
    _layout("trixie", "file-on-xfs", FILE_ON_XFS, KERNEL, "wide"),
    _layout("trixie", "file-on-btrfs", FILE_ON_BTRFS, KERNEL, "wide"),
    _layout("trixie", "agent-file", FILE, AGENT, "wide"),
    _layout("trixie", "priorities", LOW_AND_HIGH, KERNEL, "wide"),
    _layout("backports", "agent-priorities", LOW_AND_HIGH, AGENT, "wide"),
    _layout("bookworm", "lv-on-crypt", LV_ON_CRYPT, KERNEL),
    _layout("trixie", "lv-on-crypt", LV_ON_CRYPT, KERNEL, "wide"),
    _layout("backports", "lv-on-crypt", LV_ON_CRYPT, KERNEL, "wide"),
    _layout("trixie", "agent-lv-on-crypt", LV_ON_CRYPT, AGENT, "wide"),
    _layout("backports", "file-on-crypt", FILE_ON_CRYPT, KERNEL, "wide"),
)


def test_layout(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
