"""A target that takes its time."""

from hibtest.cycle.storage.below import Below, mapped
from hibtest.cycle.storage.part import Part
from hibtest.spec import Delay


def delay_part(layer: Delay, below: Below, name: str) -> Part:
    """Return a part with a target upon it that delays reads and writes."""
    table = f"delay {below.first.device} 0 {layer.ms}"
    return mapped(below.first, f"{name}-delay", table, "dm-delay")
