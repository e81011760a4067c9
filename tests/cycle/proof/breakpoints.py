"""Breakpoints that are hit when a test says so."""

from collections.abc import Callable

from hibtest.machine.registers import Registers


class Breakpoints:
    """Those that are set, by address."""

    def __init__(self) -> None:
        self.set: dict[int, Callable[[Registers], None]] = {}

    def add(self, address: int, action: Callable[[Registers], None]) -> None:
        """Set one."""
        self.set[address] = action

    def drop(self, address: int) -> None:
        """Remove one."""
        del self.set[address]
