"""What a rule says when it has something to say."""

from collections.abc import Callable
from dataclasses import dataclass

from hibtest.evidence import Evidence
from hibtest.spec import Outcome, Scenario


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
