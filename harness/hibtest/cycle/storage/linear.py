"""A linear target over a whole device."""

from hibtest.cycle.storage.below import Below, mapped
from hibtest.cycle.storage.part import Part
from hibtest.spec import Linear


def linear_part(_: Linear, below: Below, name: str) -> Part:
    """Return a part with a linear target upon it."""
    return mapped(below.first, name, f"linear {below.first.device} 0")
