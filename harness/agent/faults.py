"""Failing on purpose, to show that every step can be undone."""

from __future__ import annotations

import os
import signal

from harness.agent.errors import AgentError


class Faults:
    """Strikes when the save comes to a step; with ``STEP:kill`` the worker is killed there."""

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
        raise AgentError(f"asked to fail in {step}", number=5)
