"""Failing on purpose, to show that every step can be undone."""

from __future__ import annotations

import os
import signal

from harness.agent.errors import AgentError


class Faults:
    """Strikes when the save comes to a step.

    ``STEP:kill`` kills the worker there; ``STEP:guardian=N`` sends signal N to the guardian, then
    fails. Once frozen, a guardian learns of it when it is thawed.
    """

    def __init__(self, fail_at: str) -> None:
        self._step, _, self._how = fail_at.partition(":")

    def strike(self, step: str) -> None:
        """Fail, if this is the step.

        :raise AgentError: When it is.
        """
        if step != self._step:
            return
        if self._how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        whom, _, number = self._how.partition("=")
        if whom == "guardian":
            os.kill(os.getppid(), int(number))
        raise AgentError(f"asked to fail in {step}", number=5)
