"""Failing on purpose, to show that every step can be undone."""

from __future__ import annotations

import os
import signal

from harness.agent.errors import AgentError
from harness.agent.guardian import signals


class Faults:
    """Strikes when the save comes to a step.

    ``STEP:kill`` kills the worker there; ``STEP:guardian=N`` sends signal N to the guardian, and
    waits to be ended if that is what the signal asks for.
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
            if int(number) in (*signals.ENDS, signal.SIGKILL):
                signal.pause()
        raise AgentError(f"asked to fail in {step}", number=5)
