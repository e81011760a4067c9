"""A target that could fail."""

from hibtest.cycle.storage.below import Below, mapped
from hibtest.cycle.storage.part import Part
from hibtest.spec import Flakey

_NEVER = "3600 0"  # seconds up, seconds down


def flakey_part(_: Flakey, below: Below, name: str) -> Part:
    """Return a part with a target upon it that fails when it is told so."""
    table = f"flakey {below.first.device} 0 {_NEVER}"
    return mapped(below.first, f"{name}-flakey", table, "dm-flakey")
