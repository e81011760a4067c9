"""A striped target over two devices."""

from functools import partial

from hibtest.cycle.storage.below import Below, create, sectors
from hibtest.cycle.storage.part import Part
from hibtest.image.header import PAGE_SIZE
from hibtest.image.striped import striped
from hibtest.image.through import Joined
from hibtest.spec import Striped


def striped_part(layer: Striped, below: Below, name: str) -> Part:
    """Return a part with a striped target upon it and another."""
    first, second, top = below.first, below.beside("b"), f"{name}-striped"
    chunk = layer.chunk_kib * 2
    table = f"striped 2 {chunk} {first.device} 0 {second.device} 0"
    rows = f"$(({sectors(first)} / {chunk} * {chunk * 2}))"
    view = partial(striped, chunk=layer.chunk_kib * 1024 // PAGE_SIZE)
    return first.with_legs(second).on(
        "drivers dm-mod",
        create(top, rows, table),
        device=f"/dev/mapper/{top}",
        views=(Joined(view=view, others=(second.leg,)),),
    )
