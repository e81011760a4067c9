"""How far a long step has come: a line for every twentieth of it."""

from __future__ import annotations

from hibtest.agent.log import Log

_STEPS = 20


class Progress:
    """Tells the log how much of ``total`` is done, every 5 %."""

    def __init__(self, log: Log, total: int) -> None:
        self._log = log
        self._total = max(1, total)
        self._told = 0

    def done(self, count: int) -> None:
        """Say so, if another twentieth is done."""
        reached = count * _STEPS // self._total
        if reached > self._told:
            self._told = reached
            self._log.say("progress", percent=reached * 100 // _STEPS, pages=count)
