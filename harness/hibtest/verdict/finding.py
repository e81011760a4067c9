"""What a rule says when it has something to say."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from hibtest.evidence import Boot, Evidence
from hibtest.spec import Expected, Outcome, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An outcome, its cause (a stable word), its reason (one line) and what it rests on.

    :ivar detail: More lines, for people.
    """

    outcome: Outcome
    cause: str
    reason: str
    rests_on: tuple[str, ...] = ()
    detail: str = ""


Rule = Callable[[Scenario, Evidence], Finding | None]
Look = Callable[[Boot], Finding | None]


def each(look: Look) -> Rule:
    """Return the rule that a look at each boot makes: the first that is not in order decides."""
    return lambda _scenario, evidence: next(filter(None, map(look, evidence.boots)), None)


def first(rules: Iterable[Rule], scenario: Scenario, evidence: Evidence) -> Finding | None:
    """Return what the first rule says that has something to say."""
    return next(filter(None, (rule(scenario, evidence) for rule in rules)), None)


def earliest(*rules: Rule) -> Rule:
    """Return the rule that the first boot decides of which one of these has something to say.

    What an earlier boot has shown may be why a later one went wrong, and never the other way.
    """

    def rule(scenario: Scenario, evidence: Evidence) -> Finding | None:
        numbers = range(1, len(evidence.boots) + 1)
        upto = (replace(evidence, boots=evidence.boots[:number]) for number in numbers)
        return next(filter(None, (first(rules, scenario, part) for part in upto)), None)

    return rule


def found(outcome: Outcome, cause: str, reason: str, *rests_on: str, detail: str = "") -> Finding:
    """Return a finding."""
    return Finding(outcome=outcome, cause=cause, reason=reason, rests_on=rests_on, detail=detail)


def corrupt(cause: str, boot: Boot, reason: str, *rests_on: str, detail: str = "") -> Finding:
    """Return what is wrong with a boot; it rests on the console, unless something else is named."""
    rests_on = rests_on or (console(boot),)
    return found(
        Outcome.CORRUPT, cause, f"{boot.directory} boot: {reason}", *rests_on, detail=detail
    )


def meets(finding: Finding, expected: Expected) -> bool:
    """Return whether a finding is what was expected."""
    return finding.outcome is expected.outcome and expected.cause in ("", finding.cause)


def console(boot: Boot) -> str:
    """Return the file with what the guest printed in a boot."""
    return f"{boot.directory}/console.log"


def qmp(boot: Boot) -> str:
    """Return the file with what QEMU said on its monitor in a boot."""
    return f"{boot.directory}/qmp.jsonl"
