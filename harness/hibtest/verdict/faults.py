"""What becomes of a finding when a fault that was asked for never struck."""

from hibtest.evidence import Evidence
from hibtest.spec import Outcome, Scenario
from hibtest.verdict.finding import Finding, found, meets

_TELLS = 2  # the first version of evidence that tells what struck
_DAMAGE = (Outcome.CORRUPT, Outcome.PANIC, Outcome.HUNG)


def struck(finding: Finding, scenario: Scenario, evidence: Evidence) -> Finding:
    """Return a finding, or that it says nothing: the fault that it was to be about never struck.

    What is found wrong stays: but what was to go wrong by a fault did not go wrong by it.
    """
    seen = {strike.fault for boot in evidence.boots for strike in boot.struck}
    missing = [fault for fault in scenario.faults if fault not in seen]
    surprise = finding.outcome in _DAMAGE and not meets(finding, scenario.expected)
    cut_short = finding.outcome is Outcome.INVALID and finding.cause != "unfinished"
    if not missing or surprise or cut_short or evidence.version < _TELLS:
        return finding
    came = f"the run came to {finding.outcome}: {finding.reason}"
    reason = f"the fault never struck: {missing[0].words}; {came}"
    return found(Outcome.INVALID, "no-strike", reason, "boots[*].struck")
