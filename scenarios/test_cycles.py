"""Does a life that is hibernated again and again lose a little each time?

Ten hibernations of one life, by the kernel and by the agent: what is in use after each resume
(memory, swap, descriptors, the clocks) is held against the others.
"""

import pytest

from hibtest.spec import AgentMethod, GuestSpec, KernelMethod, Method, Scenario
from hibtest.verdict import Verdict

pytestmark = pytest.mark.guest

KERNEL, AGENT = KernelMethod(), AgentMethod(compress="lz4")


def _cycles(kernel: str, name: str, method: Method) -> Scenario:
    return Scenario(
        name=name,
        guest=GuestSpec(kernel=kernel),
        method=method,
        lives=10,
        tags=("cycles", "wide"),
    )


SCENARIOS = (
    _cycles("bookworm", "cycles-KERNEL-10", KERNEL),
    _cycles("trixie", "cycles-KERNEL-10", KERNEL),
    _cycles("backports", "cycles-KERNEL-10", KERNEL),
    _cycles("bookworm", "cycles-KERNEL-agent-10", AGENT),
    _cycles("trixie", "cycles-KERNEL-agent-10", AGENT),
    _cycles("backports", "cycles-KERNEL-agent-10", AGENT),
)


def test_cycles(hib_verdict: Verdict) -> None:
    assert hib_verdict.as_expected, str(hib_verdict)
