"""What is expected of the kernel that ran: of one with a known bug, what that comes to."""

from dataclasses import replace

from hibtest.evidence import Evidence
from hibtest.spec import Known, Scenario
from hibtest.verdict.finding import Finding, meets


def bug_of(scenario: Scenario, evidence: Evidence) -> Known | None:
    """Return the known bug of the scenario's that the kernel of a run has."""
    release = evidence.kernel.release if evidence.kernel else ""
    return scenario.bug_of(release)


def asked_of(scenario: Scenario, bug: Known | None) -> Scenario:
    """Return a scenario as it is meant for a kernel with a bug."""
    return scenario if bug is None else replace(scenario, expected=bug.expected)


def with_bug(finding: Finding, scenario: Scenario, bug: Known | None) -> Finding:
    """Say of a run that went well that the bug is gone, which nobody expected."""
    if bug is None or meets(finding, bug.expected) or not meets(finding, scenario.expected):
        return finding
    return replace(finding, reason=f"the known bug is gone ({bug.reason}): {finding.reason}")
