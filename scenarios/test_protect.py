"""Is the root disk as it was at the snapshot, although somebody writes to it afterwards?

A process that the agent leaves running writes to a file on the root filesystem, from the
kernel's snapshot to the power-off. The host compares the disk's blocks.
"""

import pytest

from hibtest.evidence import Evidence
from hibtest.spec import (
    AgentMethod,
    Expected,
    GuestSpec,
    Linear,
    Outcome,
    Protect,
    Scenario,
    Target,
)
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest


def _protect(kernel: str, protect: Protect, *tags: str, fail_at: str = "") -> Scenario:
    what = f"{protect}-fails-at-{fail_at}" if fail_at else f"{protect}"
    return Scenario(
        name=f"protect-KERNEL-{what}",
        guest=GuestSpec(kernel=kernel, root=(Linear(),), scratch_mib=256),
        method=AgentMethod(
            target=Target.RAW, protect=protect, scribble="/root/scribble", fail_at=fail_at
        ),
        expected=Expected(outcome=Outcome.REFUSED, cause="EIO") if fail_at else Expected(),
        # agent-KERNEL-proposal has a snapshot on each kernel, too
        tags=("agent", "protect", *tags),
    )


SCENARIOS = (
    _protect("bookworm", Protect.DM_SNAPSHOT, "wide"),
    _protect("trixie", Protect.DM_SNAPSHOT, "wide"),
    _protect("backports", Protect.DM_SNAPSHOT, "wide"),
    # the process waits for the filesystem, for ever
    _protect("trixie", Protect.FSFREEZE, "wide"),
    # the opposite: this guest resumes on a disk that is not as it left it
    _protect("trixie", Protect.NONE, "wide"),
    # what was written above the snapshot is merged, and the guest lives on
    _protect("trixie", Protect.DM_SNAPSHOT, fail_at="commit"),
)


def test_protect(hib_scenario: Scenario, hib_verdict: Verdict, hib_evidence: Evidence) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
    if not hib_evidence.proof or hib_verdict.outcome is Outcome.REFUSED:
        return  # asked for with --hib-no-proof
    [disk] = hib_evidence.boots[0].disks
    method = hib_scenario.method
    assert isinstance(method, AgentMethod)
    assert (disk.differ > 0) == (method.protect is Protect.NONE)
