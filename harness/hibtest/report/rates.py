"""What many runs of one scenario say together: how often it went as it should, and how long."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import median

from hibtest.report.terminal import Row
from hibtest.spec import Outcome

_Z = 1.959964  # of the normal distribution: 95 % lie within


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often something was so.

    :ivar low: Lower end of the 95 % confidence interval, 0 to 1; ``high`` is the upper one.
    """

    count: int
    of: int
    low: float
    high: float


def rate(count: int, of: int) -> Rate:
    """Return a rate with Wilson's score interval (JASA 22, 1927), which holds for few runs, too.

    Six lines are not worth a dependency as large as scipy: tests hold them against its numbers,
    and against those that Newcombe published.

    :raise ValueError: When there was no run.
    """
    if of < 1:
        raise ValueError("no run")
    share, square = count / of, _Z * _Z / of
    middle = (share + square / 2) / (1 + square)
    reach = _Z * sqrt(share * (1 - share) / of + square / (4 * of)) / (1 + square)
    low = 0.0 if count == 0 else middle - reach
    high = 1.0 if count == of else middle + reach
    return Rate(count=count, of=of, low=low, high=high)


def told(rows: Sequence[Row]) -> list[str]:
    """Return a line for each scenario that was run more than once.

    What could not be judged says nothing of the kernel: it is told, and counts for nothing.
    """
    names = dict.fromkeys(row.verdict.scenario for row in rows)
    groups = ([row for row in rows if row.verdict.scenario == name] for name in names)
    return [_line(group) for group in groups if len(group) > 1]


def _line(rows: Sequence[Row]) -> str:
    judged = [row for row in rows if row.verdict.outcome is not Outcome.INVALID]
    name, expected = rows[0].verdict.scenario, rows[0].verdict.expected
    if not judged:
        return f"{name}: none of {len(rows)} could be judged"
    good = [row for row in judged if row.verdict.as_expected]
    found = rate(len(good), len(judged))
    text = f"{name}: {found.count} of {found.of} {expected}"
    text += f" (95 %: {100 * found.low:.0f} to {100 * found.high:.0f})"
    others = Counter(_what(row) for row in judged if not row.verdict.as_expected)
    text += "".join(f", {count} {what}" for what, count in others.most_common())
    if len(judged) < len(rows):
        text += f", {len(rows) - len(judged)} INVALID besides"
    return f"{text}; {_spread([row.seconds for row in judged])}"


def _what(row: Row) -> str:
    verdict = row.verdict
    return f"{verdict.outcome} ({verdict.cause})" if verdict.cause else str(verdict.outcome)


def _spread(seconds: Sequence[float]) -> str:
    return f"{median(seconds):.0f} s ({min(seconds):.0f} to {max(seconds):.0f})"
