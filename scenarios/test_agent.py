"""Does a hibernation by our userspace agent come back as it went, whatever it is told?

The proposal whole on three kernels; every pair of stopper, protection, target, compression and
kernel in some scenario, each listed; saves that fail at every step; and what goes wrong outside.
"""

from dataclasses import replace

import pytest

from hibtest.evidence import Evidence
from hibtest.spec import (
    AgentMethod,
    Always,
    AtStage,
    Expected,
    FailIo,
    Fault,
    GuestSpec,
    HangUp,
    Layout,
    Linear,
    Mode,
    MuchMemory,
    Outcome,
    Protect,
    Scenario,
    Stage,
    Stopper,
    SwapDisk,
    Target,
    Workload,
)
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

SWAP = (SwapDisk(),)


def _agent(kernel: str, what: str, method: AgentMethod, *tags: str) -> Scenario:
    guest = GuestSpec(kernel=kernel)
    if method.protect is Protect.DM_SNAPSHOT:
        guest = replace(guest, root=(Linear(),), scratch_mib=256)
    return Scenario(
        name=f"agent-KERNEL-{what}",
        guest=guest,
        method=method,
        tags=("agent", *tags),
    )


def _proposal(kernel: str, *tags: str) -> Scenario:
    method = AgentMethod(
        stopper=Stopper.SIGSTOP,
        needed="computed",
        protect=Protect.DM_SNAPSHOT,
        target=Target.SERVER,
        compress="zstd",
    )
    return _agent(kernel, "proposal", method, "proposal", *tags)


def _pair(
    kernel: str, stopper: Stopper, protect: Protect, target: Target, compress: str
) -> Scenario:
    method = AgentMethod(stopper=stopper, protect=protect, target=target, compress=compress)
    what = f"{stopper}-{protect}-{target}-{compress}"
    scenario = _agent(kernel, what, method, "pairs", "wide")
    return replace(scenario, guest=replace(scenario.guest, vcpus=1))


def _refused(
    kernel: str,
    what: str,
    method: AgentMethod,
    errno: str,
    *tags: str,
    layout: Layout = SWAP,
    faults: tuple[Fault, ...] = (),
    workloads: tuple[Workload, ...] = (),
) -> Scenario:
    return replace(
        _agent(kernel, what, method, "refused", *tags),
        layout=layout,
        faults=faults,
        workloads=workloads,
        expected=Expected(outcome=Outcome.REFUSED, cause=errno),
    )


def _failures(
    kernel: str, what: str, target: Target, steps: tuple[str, ...], *tags: str
) -> Scenario:
    method = AgentMethod(
        stopper=Stopper.SIGSTOP,
        protect=Protect.DM_SNAPSHOT,
        target=target,
        compress="lz4",
        failures=steps,
    )
    return _agent(kernel, f"failures-{what}", method, "failures", *tags)


# The steps of a save, in their order.
EARLY = ("prepare", "stop", "needed", "sync", "freeze")
LATE = ("protect", "snapshot", "write", "commit", "power-off")
FAILING = (*EARLY, *LATE)
SOME = ("stop:kill", "protect", "write", "write:kill", "power-off:kill")
KILLED = tuple(f"{step}:kill" for step in FAILING)

SCENARIOS = (
    _proposal("bookworm", "wide"),
    _proposal("trixie"),
    _proposal("backports", "wide"),
    # every pair of two of these in at least one
    _pair("bookworm", Stopper.FREEZER, Protect.NONE, Target.SERVER, "none"),
    _pair("bookworm", Stopper.SIGSTOP, Protect.DM_SNAPSHOT, Target.SWAP, "zstd"),
    _pair("bookworm", Stopper.SIGSTOP, Protect.FSFREEZE, Target.RAW, "none"),
    _pair("bookworm", Stopper.CGROUP, Protect.NONE, Target.RAW, "zlib"),
    _pair("bookworm", Stopper.CGROUP, Protect.FSFREEZE, Target.SERVER, "lz4"),
    _pair("trixie", Stopper.FREEZER, Protect.DM_SNAPSHOT, Target.SERVER, "zstd"),
    _pair("trixie", Stopper.FREEZER, Protect.DM_SNAPSHOT, Target.SWAP, "zlib"),
    _pair("trixie", Stopper.FREEZER, Protect.FSFREEZE, Target.SWAP, "none"),
    _pair("trixie", Stopper.SIGSTOP, Protect.NONE, Target.SWAP, "lz4"),
    _pair("trixie", Stopper.CGROUP, Protect.FSFREEZE, Target.RAW, "zstd"),
    _pair("backports", Stopper.FREEZER, Protect.DM_SNAPSHOT, Target.RAW, "lz4"),
    _pair("backports", Stopper.SIGSTOP, Protect.FSFREEZE, Target.SERVER, "zlib"),
    _pair("backports", Stopper.SIGSTOP, Protect.NONE, Target.RAW, "zstd"),
    _pair("backports", Stopper.CGROUP, Protect.DM_SNAPSHOT, Target.SWAP, "none"),
    # the other of everything that has two or three of its kind
    _agent("trixie", "shutdown", AgentMethod(mode=Mode.SHUTDOWN, checksum="sha256"), "wide"),
    _agent("bookworm", "early-slots", AgentMethod(allocate="early"), "wide"),
    _agent("backports", "small-buffer", AgentMethod(target=Target.RAW, buffer_pages=16), "wide"),
    _agent("trixie", "small-image", AgentMethod(target=Target.RAW, image_size=60 << 20), "wide"),
    # TuxOnIce's variation: the memory of what stays stopped is in swap before the snapshot
    _agent(
        "trixie", "page-out", AgentMethod(stopper=Stopper.SIGSTOP, page_out="madvise"), "wide"
    ),
    # a save that fails leaves a life that can be saved
    _failures("bookworm", "killed", Target.SWAP, KILLED, "wide"),
    _failures("trixie", "raw", Target.RAW, FAILING, "wide"),
    _failures("trixie", "swap", Target.SWAP, SOME, "wide"),
    _failures("backports", "server", Target.SERVER, SOME, "wide"),
    _refused("backports", "no-space", AgentMethod(), "ENOSPC", layout=(SwapDisk(size_mib=16),)),
    _refused(
        "backports", "no-early-space", AgentMethod(allocate="early"), "ENOSPC", "wide",
        layout=(SwapDisk(size_mib=16),),
    ),
    _refused(
        "trixie", "write-error", AgentMethod(target=Target.RAW), "EIO",
        faults=(Fault(when=Always(), what=FailIo(serial="image", at_mib=20)),),
    ),
    _refused(
        "bookworm", "server-gone", AgentMethod(target=Target.SERVER), "EIO",
        faults=(Fault(when=AtStage(stage=Stage.WRITE), what=HangUp()),),
    ),
    _refused(
        "trixie", "no-memory", AgentMethod(stopper=Stopper.SIGSTOP), "ENOMEM",
        workloads=(MuchMemory(locked=True),),
    ),
)  # fmt: skip


def test_agent(hib_verdict: Verdict, hib_evidence: Evidence) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
    for step in hib_evidence.boots[0].agent_steps:
        assert step.facts.get("late", []) == [], "opened, imported or started after the freeze"
