"""Swaps that cannot be, and what cannot be told of them, are refused when they are written down."""

from collections.abc import Callable
from typing import Any

import pytest

from hibtest.errors import SpecError
from hibtest.spec import (
    AgentMethod,
    Crypt,
    GuestSpec,
    MoveSwap,
    Named,
    Offset,
    ResumeSpec,
    Scenario,
    Swap,
    SwapDisk,
    SwapFile,
    SwapPartition,
    SwapZram,
    Table,
)
from hibtest.spec.needs import needs_of

FILE, ZRAM = SwapFile(size_mib=16), SwapZram(size_mib=16)


@pytest.mark.parametrize(
    ("swap", "said"),
    [
        (lambda: SwapDisk(size_mib=0), "a swap of 0 MiB has no room for its header"),
        (lambda: SwapPartition(size_mib=0), "a swap of 0 MiB"),
        (lambda: SwapFile(size_mib=-1), "a swap of -1 MiB"),
        (lambda: SwapZram(size_mib=0), "a swap of 0 MiB"),
        (lambda: SwapFile(size_mib=16, pieces=0), "of 16 MiB in 0 pieces"),
        (lambda: SwapFile(size_mib=16, pieces=257), "of 16 MiB in 257 pieces"),
        (lambda: SwapDisk(priority=-1), "swap priority -1"),
        (lambda: SwapDisk(priority=32768), "swap priority 32768"),
        (lambda: SwapZram(on=(Crypt(),)), "a stack below zram"),
        (lambda: SwapPartition(on=(Crypt(),)), "a stack on a partition"),
    ],
)
def test_a_swap_that_cannot_be_is_refused(swap: Callable[[], Swap], said: str) -> None:
    with pytest.raises(SpecError, match=said) as refused:
        swap()
    assert refused.value.hint


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"layout": (ZRAM, ZRAM)}, "2 swaps in zram"),
        ({"layout": (SwapDisk(),) * 17}, "17 swaps"),
        ({"layout": (ZRAM,), "method": AgentMethod()}, "the agent does not write to zram"),
        ({"before": (MoveSwap(),)}, "no swap file comes first"),
        ({"layout": (), "after": (MoveSwap(),)}, "no swap file comes first"),
        ({"resume": ResumeSpec(offset=7)}, "resume_offset 7, but no swap file"),
        ({"layout": (FILE,), "resume": ResumeSpec(offset=-1)}, "resume_offset -1"),
        ({"layout": (FILE,), "resume": ResumeSpec(offset=Offset.STALE)}, "stays where it is"),
        ({"resume": ResumeSpec(named=Named.PARTUUID)}, "only a partition"),
        ({"layout": (FILE,), "resume": ResumeSpec(named=Named.UUID)}, "only a swap on a disk"),
    ],
)
def test_what_cannot_be_told_of_a_layout_is_refused(own: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=f"one: .*{said}") as refused:
        Scenario(**{"name": "one", "guest": GuestSpec(kernel="trixie"), **own})
    assert refused.value.hint


@pytest.mark.parametrize(
    ("swap", "option"),
    [
        (SwapPartition(), "EFI_PARTITION"),
        (SwapPartition(table=Table.MBR), "MSDOS_PARTITION"),
        (SwapZram(), "ZRAM"),
    ],
)
def test_a_swap_needs_what_it_stands_on(swap: Swap, option: str) -> None:
    def options(*layout: Swap) -> set[str]:
        scenario = Scenario(name="one", guest=GuestSpec(kernel="own"), layout=layout)
        return {option for need in needs_of(scenario) for option in need.options}

    assert option in options(SwapDisk(), swap)
    assert option not in options(SwapDisk())
