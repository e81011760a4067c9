"""Which scenarios ``-k EXPR`` means: words joined by ``and``, ``or``, ``not`` and parentheses.

A word matches a scenario when it is part of its name or one of its tags, as in pytest.
"""

import re
from collections.abc import Callable, Iterable

from hibtest.errors import SpecError
from hibtest.spec.scenario import Scenario

Test = Callable[[Scenario], bool]


def select(scenarios: Iterable[Scenario], expression: str) -> tuple[Scenario, ...]:
    """Return the scenarios that an expression matches, in their order.

    :raise SpecError: When the expression cannot be read, or matches none.
    """
    known = tuple(scenarios)
    words = re.findall(r"[()]|[^\s()]+", expression)
    test = _Reader(words, expression).whole()
    chosen = tuple(scenario for scenario in known if test(scenario))
    if not chosen:
        raise SpecError(
            f"no scenario matches {expression!r}", hint="`hibtest list` shows all scenarios"
        )
    return chosen


class _Reader:
    """Recursive descent: ``or`` binds weakest, then ``and``, then ``not``."""

    def __init__(self, words: list[str], expression: str) -> None:
        self._words = words
        self._expression = expression

    def whole(self) -> Test:
        test = self._either()
        if self._words:
            raise self._error(f"{self._words[0]!r} is one word too many")
        return test

    def _either(self) -> Test:
        return self._joined("or", any, self._both)

    def _both(self) -> Test:
        return self._joined("and", all, self._one)

    def _joined(
        self, word: str, fold: Callable[[Iterable[bool]], bool], part: Callable[[], Test]
    ) -> Test:
        tests = [part()]
        while self._words[:1] == [word]:
            self._words.pop(0)
            tests.append(part())
        return lambda scenario: fold(test(scenario) for test in tests)

    def _one(self) -> Test:
        word = self._words.pop(0) if self._words else ""
        if word == "not":
            negated = self._one()
            return lambda scenario: not negated(scenario)
        if word == "(":
            test = self._either()
            if self._words[:1] != [")"]:
                raise self._error("a parenthesis is not closed")
            self._words.pop(0)
            return test
        if word in ("", ")", "and", "or"):
            raise self._error("a word is missing")
        return lambda scenario: word in scenario.name or word in scenario.tags

    def _error(self, what: str) -> SpecError:
        hint = "use words, and, or, not, ( )"
        return SpecError(f"-k {self._expression!r}: {what}", hint=hint)
