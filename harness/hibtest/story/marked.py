"""A mark, as a log or as evidence has it."""

from typing import Protocol


class Marked(Protocol):
    """A line that means something."""

    @property
    def name(self) -> str:
        """Which mark."""

    @property
    def line(self) -> str:
        """The line as it was printed."""

    @property
    def splat(self) -> bool:
        """Whether it tells of a kernel in trouble."""
