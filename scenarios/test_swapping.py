"""Does a hibernation that must swap out to a swap which stands on a process come to an end?

    You also need processes running that are needed for swapping. (2007)

It does not: memory is freed for the snapshot when the freezer has stopped all processes, the
swap's server with them (hibernation_snapshot(), kernel/power/hibernate.c, 6.1 to 7.3), and the
kernel waits for the swap. The needed set cures no more than what comes before the freezer.
"""

import pytest

from hibtest.spec import (
    AgentMethod,
    Expected,
    GuestSpec,
    KernelMethod,
    Method,
    MuchMemory,
    Outcome,
    Scenario,
    Stage,
    Stopper,
    SwapOnLoopOnFuse,
    Target,
)
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

BY_AGENT = AgentMethod(target=Target.RAW, stopper=Stopper.SIGSTOP)


def _on_disk(kernel: str, how: str, method: Method, *tags: str) -> Scenario:
    return Scenario(
        name=f"swapping-KERNEL-{how}-disk",
        guest=GuestSpec(kernel=kernel),
        method=method,
        workloads=(MuchMemory(),),
        tags=("swapping", how, *tags),
    )


def _hangs(kernel: str, how: str, method: Method, *tags: str) -> Scenario:
    return Scenario(
        name=f"swapping-KERNEL-{how}",
        guest=GuestSpec(kernel=kernel),
        method=method,
        workloads=(SwapOnLoopOnFuse(), MuchMemory()),
        expected=Expected(outcome=Outcome.HUNG, cause=Stage.PREALLOCATE),
        tags=("swapping", how, *tags),
    )


SCENARIOS = (
    _hangs("bookworm", "kernel", KernelMethod(), "wide"),
    _hangs("trixie", "kernel", KernelMethod(), "wide"),
    _hangs("backports", "kernel", KernelMethod(), "wide"),
    _hangs("bookworm", "agent", BY_AGENT, "wide"),
    _hangs("trixie", "agent", BY_AGENT),
    _hangs("backports", "agent", BY_AGENT, "wide"),
    # the same memory, with no swap but a disk
    _on_disk("bookworm", "kernel", KernelMethod(), "wide"),
    _on_disk("trixie", "agent", BY_AGENT, "wide"),
    _on_disk("backports", "kernel", KernelMethod(), "wide"),
)


def test_swapping(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
