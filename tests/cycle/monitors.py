"""QEMU's monitor, pretended: what it is told, and what it tells."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from hibtest.machine.monitor import Event


class Monitor:
    """QEMU's monitor; ``late`` are events that come after the first look, and the end with them.

    :ivar human: What is answered to a command for people; ``carries_out``: to any other.
    """

    def __init__(self) -> None:
        self.human: Callable[[str], str] = lambda _: ""
        self.carries_out: Callable[[str, dict[str, Any]], Any] = lambda *_: pytest.fail("told")
        self.queue: list[Event] = []
        self.late: list[Event] = []
        self.fd = os.eventfd(0, os.EFD_NONBLOCK)
        self.gone = False

    def hang_up(self) -> None:
        """End the connection."""
        self.gone = True
        os.eventfd_write(self.fd, 1)

    def fileno(self) -> int:
        """Return what can be read when there is something to see."""
        return self.fd

    def execute(
        self, command: str, arguments: Mapping[str, str] | None = None, *, deadline: object
    ) -> Any:
        """Carry out a command."""
        if command != "human-monitor-command":
            return self.carries_out(command, dict(arguments or {}))
        assert arguments
        return self.human(arguments["command-line"])

    def events(self) -> list[Event]:
        """Return what has come."""
        taken, self.queue = self.queue, self.late
        if self.queue:
            self.hang_up()
        self.late = []
        return taken
