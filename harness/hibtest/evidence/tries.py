"""Runs that do not count, told by the one that does."""

from dataclasses import dataclass

from hibtest.spec import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """A run in whose place another was made (:mod:`hibtest.retry`).

    :ivar directory: Where all of it is kept.
    :ivar outcome: What it came to; ``cause`` and ``reason`` as its verdict has them.
    """

    directory: str
    outcome: Outcome
    cause: str
    reason: str
