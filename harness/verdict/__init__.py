"""judge(scenario, evidence) -> Verdict: a pure function of stored values.

Rules are asked in order and the first that has something to say decides: harness trouble before
anything else, then what ended a boot, then what a resumed guest lacks. When no rule speaks, the
guest has resumed. docs/verdicts.md lists all causes.
"""

from dataclasses import dataclass

from harness.evidence import Evidence
from harness.spec import Expected, Outcome, Scenario
from harness.verdict.boots import BOOT_RULES
from harness.verdict.finding import Finding
from harness.verdict.life import LIFE_RULES

__all__ = ["Verdict", "judge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a run came to, and why.

    :ivar cause: A stable word for machines, as docs/verdicts.md lists them.
    :ivar reason: One line for people.
    :ivar rests_on: The evidence behind it: fields of evidence.json and files of the run.
    :ivar as_expected: Whether the scenario passes.
    """

    scenario: str
    outcome: Outcome
    cause: str
    reason: str
    rests_on: tuple[str, ...]
    expected: Expected
    as_expected: bool


def judge(scenario: Scenario, evidence: Evidence) -> Verdict:
    """Judge the evidence of a run of a scenario."""
    finding = _find(scenario, evidence)
    return Verdict(
        scenario=scenario.name,
        outcome=finding.outcome,
        cause=finding.cause,
        reason=finding.reason,
        rests_on=finding.rests_on,
        expected=scenario.expected,
        as_expected=_meets(finding, scenario.expected),
    )


def _find(scenario: Scenario, evidence: Evidence) -> Finding:
    for rule in (*BOOT_RULES, *LIFE_RULES):
        finding = rule(scenario, evidence)
        if finding is not None:
            return finding
    last = evidence.boots[-1]
    checked = sum(len(boot.witnesses) + len(boot.audits) for boot in evidence.boots)
    times = "once" if scenario.lives == 1 else f"{scenario.lives} times in the same life"
    return Finding(
        outcome=Outcome.RESUMED,
        cause="",
        reason=f"resumed {times}; {checked} witnesses and exercises in order; image used up",
        rests_on=("boots[*].witnesses", "boots[*].audits", f"{last.directory}/console.log"),
    )


def _meets(finding: Finding, expected: Expected) -> bool:
    return finding.outcome is expected.outcome and expected.cause in ("", finding.cause)
