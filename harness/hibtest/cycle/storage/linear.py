"""A linear target over a whole device."""

from dataclasses import replace

from hibtest.cycle.storage.part import Part


def linear_part(below: Part, name: str) -> Part:
    """Return a part with a linear target upon it."""
    table = f"0 $(sectors {below.device}) linear {below.device} 0"
    steps = ("drivers dm-mod", f'echo "{table}" | tool dmsetup create {name}')
    return replace(below, early=(*below.early, *steps), device=f"/dev/mapper/{name}")
