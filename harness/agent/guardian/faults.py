"""Failing on purpose, to show that every step can be undone."""

from __future__ import annotations

import os
import signal

from harness.agent.errors import AgentError


class Faults:
    """Strikes when the save comes to a step.

    ``STEP:kill`` kills the worker there; ``STEP:guardian=N`` sends signal N to the guardian and
    ``STEP:guardians=N`` to both, then fails. Once frozen, they learn of it when they are thawed.
    """

    def __init__(self, fail_at: str, guardians: frozenset[int]) -> None:
        self._step, _, self._how = fail_at.partition(":")
        self._guardians = guardians

    def strike(self, step: str) -> None:
        """Fail, if this is the step.

        :raise AgentError: When it is.
        """
        if step != self._step:
            return
        if self._how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        whom, _, number = self._how.partition("=")
        first = os.getppid()
        if whom == "guardians":  # the first one last: we end with it
            for second in self._guardians - {first}:
                os.kill(second, int(number))
        if whom.startswith("guardian"):
            os.kill(first, int(number))
        raise AgentError(f"asked to fail in {step}", number=5)
