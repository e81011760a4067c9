"""Does a hibernation by our userspace agent come back as it went, whatever it is told?"""

import pytest

from harness.evidence import Evidence
from harness.spec import AgentMethod, GuestSpec, Scenario, Target
from harness.verdict import judge

pytestmark = pytest.mark.guest


def _agent(kernel: str, what: str, method: AgentMethod, *tags: str) -> Scenario:
    return Scenario(
        name=f"agent-{kernel}-{what}",
        guest=GuestSpec(kernel=kernel),
        method=method,
        tags=("agent", *tags),
    )


# Every step, failing by itself and with the agent killed in it.
_STEPS = ("prepare", "freeze", "snapshot", "write", "commit", "power-off")
FAILURES = (*_STEPS, *(f"{step}:kill" for step in _STEPS))

SCENARIOS = (
    _agent("trixie", "failures-swap", AgentMethod(failures=FAILURES, compress="lz4")),
    _agent("trixie", "raw-none", AgentMethod(target=Target.RAW)),
    _agent("bookworm", "swap-lz4", AgentMethod(target=Target.SWAP, compress="lz4")),
)


@pytest.mark.parametrize("scenario", [pytest.param(one, id=one.name) for one in SCENARIOS])
def test_agent(scenario: Scenario, evidence: Evidence) -> None:
    verdict = judge(scenario, evidence)
    assert verdict.as_expected, str(verdict)
