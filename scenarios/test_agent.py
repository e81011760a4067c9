"""Does a hibernation by our userspace agent come back as it went, whatever it is told?"""

from dataclasses import replace

import pytest

from harness.evidence import Evidence
from harness.spec import (
    AgentMethod,
    Expected,
    Fault,
    GuestSpec,
    Layout,
    MappedRoot,
    Outcome,
    PlainRoot,
    Protect,
    Root,
    Scenario,
    ServerGone,
    Stopper,
    SwapDisk,
    Target,
    WriteError,
)
from harness.verdict import judge

SWAP = SwapDisk()
pytestmark = pytest.mark.guest


PLAIN = PlainRoot()


def _agent(kernel: str, what: str, method: AgentMethod, *tags: str, root: Root = PLAIN) -> Scenario:
    return Scenario(
        name=f"agent-{kernel}-{what}",
        guest=GuestSpec(kernel=kernel, root=root),
        method=method,
        tags=("agent", *tags),
    )


def _refused(
    kernel: str,
    what: str,
    method: AgentMethod,
    errno: str,
    *,
    layout: Layout = SWAP,
    faults: tuple[Fault, ...] = (),
) -> Scenario:
    return replace(
        _agent(kernel, what, method, "refused"),
        layout=layout,
        faults=faults,
        expected=Expected(outcome=Outcome.REFUSED, cause=errno),
    )


# Every step, failing by itself and with the agent killed in it.
_STEPS = ("prepare", "freeze", "snapshot", "write", "commit", "power-off")
FAILURES = (*_STEPS, *(f"{step}:kill" for step in _STEPS))

SCENARIOS = (
    _agent("trixie", "failures-swap", AgentMethod(failures=FAILURES, compress="lz4")),
    _agent("trixie", "raw-none", AgentMethod(target=Target.RAW)),
    _agent(
        "trixie",
        "proposal",
        AgentMethod(
            stopper=Stopper.SIGSTOP,
            protect=Protect.DM_SNAPSHOT,
            target=Target.SERVER,
            compress="zstd",
        ),
        root=MappedRoot(),
    ),
    _agent("bookworm", "cgroup-swap-zlib", AgentMethod(stopper=Stopper.CGROUP, compress="zlib")),
    _agent("backports", "server-zstd", AgentMethod(target=Target.SERVER, compress="zstd")),
    _refused(
        "bookworm", "server-gone", AgentMethod(target=Target.SERVER), "EIO", faults=(ServerGone(),)
    ),
    _refused(
        "trixie",
        "write-error",
        AgentMethod(target=Target.RAW),
        "EIO",
        faults=(WriteError(serial="image", at_mib=20),),
    ),
    _refused("backports", "no-space", AgentMethod(), "ENOSPC", layout=SwapDisk(size_mib=16)),
    _agent("bookworm", "swap-lz4", AgentMethod(target=Target.SWAP, compress="lz4")),
)


@pytest.mark.parametrize("scenario", [pytest.param(one, id=one.name) for one in SCENARIOS])
def test_agent(scenario: Scenario, evidence: Evidence) -> None:
    verdict = judge(scenario, evidence)
    assert verdict.as_expected, str(verdict)
