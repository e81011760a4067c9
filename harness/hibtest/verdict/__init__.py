"""judge(scenario, evidence) -> Verdict: a pure function of stored values.

Rules are asked in order and the first that has something to say decides: harness trouble before
anything else, then what ended a boot, then what a resumed guest lacks. When no rule speaks, the
guest has resumed. What comes of it is seen in the light of the guest's filesystems.
docs/verdicts.md lists all causes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hibtest.evidence import Evidence, Try
from hibtest.printable import printable, printable_lines
from hibtest.spec import Expected, Outcome, Scenario
from hibtest.verdict.boots import BOOT_RULES
from hibtest.verdict.faults import struck
from hibtest.verdict.filesystems import with_filesystems
from hibtest.verdict.finding import Finding, Rule, console, found, meets
from hibtest.verdict.life import DAMAGE_RULES, LIFE_RULES, STEP_RULES
from hibtest.verdict.proof import LAST_RULES, PROOF_RULES, doubts
from hibtest.verdict.rollcall import ROLL_RULES, called
from hibtest.verdict.size import SIZE_RULES
from hibtest.verdict.swap import SWAP_RULES

__all__ = ["Verdict", "judge", "unjudged"]

_RULES = (*ROLL_RULES, *PROOF_RULES, *SIZE_RULES, *SWAP_RULES, *LIFE_RULES, *LAST_RULES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a run came to, and why.

    :ivar cause: A stable word for machines, as docs/verdicts.md lists them.
    :ivar reason: One line for people.
    :ivar rests_on: The evidence behind it: fields of evidence.json and files of the run.
    :ivar as_expected: Whether the scenario passes.
    :ivar detail: More lines, for people: a hexdump, the last lines of a console.
    :ivar tries: Runs that do not count, in whose place this one was made.
    """

    scenario: str
    outcome: Outcome
    cause: str
    reason: str
    rests_on: tuple[str, ...]
    expected: Expected
    as_expected: bool
    detail: str = ""
    tries: tuple[Try, ...] = ()

    def __str__(self) -> str:
        cause = f" ({printable(self.cause)})" if self.cause else ""
        more = f"\n{printable_lines(self.detail)}" if self.detail else ""
        return f"{self.outcome}{cause}: {printable(self.reason)}{more}"


def judge(scenario: Scenario, evidence: Evidence) -> Verdict:
    """Judge the evidence of a run of a scenario."""
    finding = with_filesystems(_find(scenario, evidence), scenario, evidence)
    finding = struck(finding, scenario, evidence)
    return Verdict(
        scenario=scenario.name,
        outcome=finding.outcome,
        cause=finding.cause,
        reason=finding.reason,
        rests_on=finding.rests_on,
        expected=scenario.expected,
        as_expected=meets(finding, scenario.expected),
        detail=finding.detail,
        tries=evidence.tries,
    )


def unjudged(scenario: Scenario, cause: str, reason: str, *, hint: str = "") -> Verdict:
    """Return the verdict of a run that left nothing to be judged: INVALID."""
    return Verdict(
        scenario=scenario.name,
        outcome=Outcome.INVALID,
        cause=cause,
        reason=f"{reason} ({hint})" if hint else reason,
        rests_on=(),
        expected=scenario.expected,
        as_expected=False,
    )


def _find(scenario: Scenario, evidence: Evidence) -> Finding:
    if finding := _first(BOOT_RULES, scenario, evidence):
        cold = finding.outcome is Outcome.COLD_BOOT
        damage = _damage_before(scenario, evidence) if cold else None
        return damage or _with_proof(finding, scenario, evidence)
    if finding := _first(_RULES, scenario, evidence):
        return finding
    checked = sum(len(boot.witnesses) + len(boot.audits) for boot in evidence.boots)
    views = [boot.restored.image for boot in evidence.boots if boot.restored]
    exact = sum(view.pages + view.zeroes for view in views if view)
    proven = f"{exact} pages exact; " if exact else ""
    times = "once" if scenario.lives == 1 else f"{scenario.lives} times in the same life"
    proven += called(evidence)
    reason = f"resumed {times}; {proven}{checked} witnesses and exercises in order; image used up"
    fields = ("boots[*].witnesses", "boots[*].audits")
    return found(Outcome.RESUMED, "", reason, *fields, console(evidence.boots[-1]))


def _damage_before(scenario: Scenario, evidence: Evidence) -> Finding | None:
    """Return what was wrong with a life before the guest started afresh.

    Of the image that was not resumed from, :func:`doubts` tells.
    """
    *earlier, last = evidence.boots[:-1]
    before = replace(evidence, boots=(*earlier, replace(last, saved=None, disks=())))
    damage = _first((*ROLL_RULES, *SIZE_RULES, *SWAP_RULES, *STEP_RULES), scenario, evidence)
    return damage or _first((*PROOF_RULES, *DAMAGE_RULES), scenario, before)


def _first(rules: Iterable[Rule], scenario: Scenario, evidence: Evidence) -> Finding | None:
    return next(filter(None, (rule(scenario, evidence) for rule in rules)), None)


def _with_proof(finding: Finding, scenario: Scenario, evidence: Evidence) -> Finding:
    """Say of a run that ended badly what its proof had found until then.

    A guest that resumed with a wrong page dies of it or does not, as chance will have it: the page
    is the verdict.
    """
    died = finding.outcome in (Outcome.PANIC, Outcome.HUNG) and evidence.boots[-1].resumed
    if died and (wrong := _first((*ROLL_RULES, *PROOF_RULES), scenario, evidence)):
        return replace(wrong, reason=f"{wrong.reason}; then {finding.outcome} {finding.reason}")
    said = doubts(evidence)
    if not said or finding.outcome is Outcome.INVALID:
        return finding
    return replace(finding, reason=f"{finding.reason}; {said}")
