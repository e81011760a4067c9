"""What must be undone, whatever becomes of the one who does it."""

from __future__ import annotations

import json
from typing import Any, Protocol

from hibtest.agent.memory import Lines

SIZE = 2 << 20


class Notes(Protocol):
    """Where it is noted, before a change is made, what undoes it."""

    def add(self, kind: str, /, **args: Any) -> None:
        """Note the arguments of the undo function that is registered for ``kind``."""


class Journal:
    """Written before a change is made; read by the guardian when the worker has ended.

    :ivar guardians: The processes that wait to carry it out.
    """

    def __init__(self, fd: int = -1) -> None:
        """Make a journal in memory, or in a file of ``SIZE`` bytes, with what it has."""
        self._lines = Lines(SIZE, fd)
        self.guardians: frozenset[int] = frozenset()

    def add(self, kind: str, /, **args: Any) -> None:
        """Note what undoes the change that is about to be made (``undo.UNDO``).

        :raise AgentError: When there is no room left.
        """
        self._lines.add(json.dumps([kind, args], separators=(",", ":")))

    def entries(self) -> list[tuple[str, dict[str, Any]]]:
        """Return all notes that are not struck out, the newest first."""
        return [parsed(line) for _, line in self.open()]

    def open(self) -> list[tuple[int, str]]:
        """Return number and text of the lines that are not struck out, the newest first."""
        lines = [pair for pair in enumerate(self._lines.read()) if pair[1][:1] != "\0"]
        return lines[::-1]

    def strike(self, number: int) -> None:
        """Strike a line out: it is undone."""
        self._lines.blot(number)


def parsed(line: str) -> tuple[str, dict[str, Any]]:
    """Return kind and arguments of a line.

    :raise ValueError: When it is no entry.
    """
    kind, args = json.loads(line)
    return kind, args
