"""judge(scenario, evidence) -> Verdict: a pure function of stored values.

Rules are asked in order and the first that has something to say decides: harness trouble before
anything else, then what ended a boot, then what a resumed guest lacks. What an earlier boot has
shown to be wrong comes before all that is wrong with a later one. When no rule speaks, the guest
has resumed. What comes of it is seen in the light of the guest's filesystems. docs/verdicts.md
lists all causes.
"""

from dataclasses import dataclass, replace

from hibtest.evidence import Boot, Evidence, Try
from hibtest.printable import printable, printable_lines
from hibtest.spec import Expected, Outcome, Scenario
from hibtest.verdict.back import rehearsed, way_of
from hibtest.verdict.boots import BOOT_RULES
from hibtest.verdict.drift import DRIFT_RULES
from hibtest.verdict.faults import struck
from hibtest.verdict.filesystems import with_filesystems
from hibtest.verdict.finding import Finding, console, earliest, first, found, meets
from hibtest.verdict.known import asked_of, bug_of, with_bug
from hibtest.verdict.life import DAMAGE_RULES, END_RULES, LOOK_RULES
from hibtest.verdict.proof import LAST_RULES, PROOF_RULES, RESTORE_RULES, doubts
from hibtest.verdict.rollcall import ROLL_RULES, called
from hibtest.verdict.size import SIZE_RULES
from hibtest.verdict.swap import SWAP_RULES

__all__ = ["Verdict", "judge", "settled", "unjudged"]

# What a hibernation promises besides memory.
_PROMISES = (*SIZE_RULES, *SWAP_RULES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a run came to, and why.

    :ivar cause: A stable word for machines, as docs/verdicts.md lists them.
    :ivar reason: One line for people.
    :ivar rests_on: The evidence behind it: fields of evidence.json and files of the run.
    :ivar as_expected: Whether the scenario passes.
    :ivar detail: More lines, for people: a hexdump, the last lines of a console.
    :ivar tries: Runs that do not count, in whose place this one was made.
    :ivar known: The known bug of this kernel that is why it was expected; empty: it is none, or
        the run came to something else.
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
    known: str = ""

    def __str__(self) -> str:
        cause = f" ({printable(self.cause)})" if self.cause else ""
        more = f"\n{printable_lines(self.detail)}" if self.detail else ""
        return f"{self.outcome}{cause}: {printable(self.reason)}{more}"


def judge(scenario: Scenario, evidence: Evidence) -> Verdict:
    """Judge the evidence of a run of a scenario."""
    bug = bug_of(scenario, evidence)
    asked = asked_of(scenario, bug)
    finding = with_filesystems(_find(asked, evidence), asked, evidence)
    finding = with_bug(struck(finding, asked, evidence), scenario, bug)
    met = meets(finding, asked.expected)
    return Verdict(
        scenario=scenario.name,
        outcome=finding.outcome,
        cause=finding.cause,
        reason=finding.reason,
        rests_on=finding.rests_on,
        expected=asked.expected,
        as_expected=met,
        detail=finding.detail,
        tries=evidence.tries,
        known=bug.reason if bug and met else "",
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


def settled(scenario: Scenario, evidence: Evidence) -> bool:
    """Return whether what has been seen so far is the verdict, whatever would come.

    It is damage that a life has shown. Where other damage is expected, the run goes on until that
    is seen.

    :param evidence: Of a run under way: its last boot may have more steps to come.
    """
    scenario = asked_of(scenario, bug_of(scenario, evidence))
    rules = (*ROLL_RULES, *RESTORE_RULES, *_PROMISES, *DAMAGE_RULES)
    damage = earliest(*rules)(scenario, evidence)
    if damage is None:
        return False
    if meets(damage, scenario.expected):
        return struck(damage, scenario, evidence) is damage
    return scenario.expected.outcome is not Outcome.CORRUPT


def _find(scenario: Scenario, evidence: Evidence) -> Finding:
    if finding := first(BOOT_RULES, scenario, evidence):
        corrupt = finding.outcome is Outcome.CORRUPT
        if finding.outcome is Outcome.INVALID or (corrupt and meets(finding, scenario.expected)):
            return _with_doubts(finding, evidence)
        damage = _damage_before(finding, scenario, evidence)
        return damage or _with_doubts(finding, evidence)
    looks = earliest(*ROLL_RULES, *PROOF_RULES, *_PROMISES, *LOOK_RULES)
    if finding := first((looks, *END_RULES, *LAST_RULES, *DRIFT_RULES), scenario, evidence):
        return finding
    checked = sum(len(boot.witnesses) + len(boot.audits) for boot in evidence.boots)
    views = [boot.restored.image for boot in evidence.boots if boot.restored]
    exact = sum(view.pages + view.zeroes for view in views if view)
    proven = f"{exact} pages exact; " if exact else ""
    proven += called(evidence)
    if finding := rehearsed(scenario, console(evidence.boots[0]), checked):
        return finding
    way = way_of(scenario)
    reason = f"{way}; {proven}{checked} witnesses and exercises in order; image used up"
    fields = ("boots[*].witnesses", "boots[*].audits")
    return found(Outcome.RESUMED, "", reason, *fields, console(evidence.boots[-1]))


def _damage_before(finding: Finding, scenario: Scenario, evidence: Evidence) -> Finding | None:
    """Return what was wrong before a boot ended badly: that is the verdict, the end came of it.

    Of an image that was not resumed from, :func:`doubts` tells.
    """
    *earlier, last = evidence.boots
    if not _jumped(last) and earlier:
        earlier[-1] = replace(earlier[-1], saved=None, disks=())
    # what the kernel reports as it dies, or stands still, says that it does
    marks = last.marks if finding.outcome is Outcome.COLD_BOOT else ()
    seen = replace(last, marks=marks, saved=None, disks=())
    before = replace(evidence, boots=(*earlier, seen))
    damage = earliest(*ROLL_RULES, *_PROMISES)(scenario, evidence)
    damage = damage or earliest(*PROOF_RULES, *DAMAGE_RULES)(scenario, before)
    if damage is None or finding.outcome is Outcome.COLD_BOOT:
        return damage
    return replace(damage, reason=f"{damage.reason}; then {finding.outcome} {finding.reason}")


def _jumped(boot: Boot) -> bool:
    """Return whether the kernel of an image ran in a boot."""
    return boot.resumed or (boot.restored is not None and boot.restored.image is not None)


def _with_doubts(finding: Finding, evidence: Evidence) -> Finding:
    """Say of a run that ended badly what its proof had found until then."""
    said = doubts(evidence)
    if not said or finding.outcome is Outcome.INVALID:
        return finding
    return replace(finding, reason=f"{finding.reason}; {said}")
