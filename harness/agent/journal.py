"""What must be undone, whatever becomes of the one who does it."""

from __future__ import annotations

import json
from typing import Any

from harness.agent.memory import Lines

_SIZE = 1 << 20


class Journal:
    """Written before a change is made; read by the guardian when the worker has ended."""

    def __init__(self) -> None:
        self._lines = Lines(_SIZE)

    def add(self, kind: str, /, **args: Any) -> None:
        """Note what undoes the change that is about to be made (``undo.UNDO``).

        :raise AgentError: When there is no room left.
        """
        self._lines.add(json.dumps([kind, args], separators=(",", ":")))

    def entries(self) -> list[tuple[str, dict[str, Any]]]:
        """Return all notes, the newest first."""
        return [(kind, args) for kind, args in map(json.loads, reversed(self._lines.read()))]
