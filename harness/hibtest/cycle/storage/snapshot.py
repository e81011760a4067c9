"""A snapshot of a device, and its origin while it has one."""

from hibtest.cycle.storage.below import Below, create, sectors
from hibtest.cycle.storage.part import Part
from hibtest.image.snapshot import snapshot
from hibtest.image.through import Joined
from hibtest.spec import Origin, Snapshot


def snapshot_part(layer: Snapshot, below: Below, name: str) -> Part:
    """Return a part with a snapshot upon it, which has another for what differs."""
    origin, store, top = below.first, below.beside("cow"), f"{name}-snapshot"
    return origin.with_legs(store).on(
        *_steps(layer.chunk_kib, origin, store, top),
        device=f"/dev/mapper/{top}",
        views=(Joined(view=snapshot, others=(store.leg,)),),
    )


def origin_part(layer: Origin, below: Below, name: str) -> Part:
    """Return a part that a snapshot is there of.

    The snapshot comes first: its origin asks for the size of its chunks (origin_resume(),
    drivers/md/dm-snap.c, 6.1 to 7.3).
    """
    origin, store, top = below.first, below.beside("cow"), f"{name}-origin"
    return origin.with_legs(store).on(
        *_steps(layer.chunk_kib, origin, store, f"{top}_was"),
        create(top, sectors(origin), f"snapshot-origin {origin.device}"),
        device=f"/dev/mapper/{top}",
    )


def _steps(chunk_kib: int, origin: Part, store: Part, name: str) -> tuple[str, ...]:
    table = f"snapshot {origin.device} {store.device} P {chunk_kib * 2}"
    return ("drivers dm-mod dm-snapshot", create(name, sectors(origin), table))
