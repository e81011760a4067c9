"""Planting a witness for real, and looking at it as the verdict does."""

from collections.abc import Callable
from typing import Any

import pytest

from hibtest.probe.base import Facts, Planted
from hibtest.verdict.witnesses import differences


def kept(patch: pytest.MonkeyPatch, module: object, name: str) -> list[Any]:
    """Return a list to which all goes that a function returns from now on."""
    found: list[Any] = []
    real = getattr(module, name)

    def instead(*words: Any, **named: Any) -> Any:
        found.append(real(*words, **named))
        return found[-1]

    patch.setattr(module, name, instead)
    return found


class Looked:
    """A witness that was planted here.

    :ivar planted: What was planted.
    """

    def __init__(self, name: str, plant: Callable[[], Planted]) -> None:
        self.name = name
        self.planted, self._look, self._ask = plant()
        assert self.wrong() == ()

    def found(self) -> Facts:
        """Return what is found now."""
        self._ask()
        return self._look()

    def wrong(self) -> tuple[str, ...]:
        """Return what the verdict says of that."""
        found = self.found()
        return tuple(
            text.removeprefix(f"{self.name}: ")
            for text in differences(self.name, self.planted, found)
        )
