"""A guest that says nothing for long: not wrong by itself, and worth a remark to who waits."""

import time

SECONDS = 60.0


class Silence:
    """How long nothing has come from a console."""

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._told = False

    def broken(self) -> None:
        """Take note of a line."""
        self._since = time.monotonic()
        self._told = False

    def left(self) -> float | None:
        """Return how many seconds from now it is worth a remark; ``None``: it was made."""
        return None if self._told else max(0.0, self._since + SECONDS - time.monotonic())

    def is_long(self) -> bool:
        """Return whether it is worth a remark now; true once for each silence."""
        if self.left() == 0.0:
            self._told = True
            return True
        return False
