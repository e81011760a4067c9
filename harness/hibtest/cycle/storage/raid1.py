"""A mirror on two devices, laid out as LVM does: each has metadata before its data."""

from functools import partial

from hibtest.cycle.storage.below import Below, create
from hibtest.cycle.storage.part import Part
from hibtest.image.header import PAGE_SIZE
from hibtest.image.mirror import mirrored
from hibtest.image.through import Joined
from hibtest.spec import Raid1

_METADATA = 8192  # sectors: a superblock, and a bitmap of what is not in sync


def raid1_part(_: Raid1, below: Below, name: str) -> Part:
    """Return a part with a mirror upon it and another.

    Both begin with zeros, so that they are in sync: ``nosync`` says so to the first start, and
    later ones find the mirror's own metadata.
    """
    first, second, top = below.first, below.beside("b"), f"{name}-raid1"
    halves = tuple(enumerate((first.device, second.device)))
    names = " ".join(
        f"/dev/mapper/{top}_{what}_{n}" for n, _ in halves for what in ("meta", "data")
    )
    view = partial(mirrored, begin=_METADATA * 512 // PAGE_SIZE)
    return first.with_legs(second).on(
        "drivers dm-mod dm-raid raid1",
        *(create(f"{top}_meta_{n}", str(_METADATA), f"linear {half} 0") for n, half in halves),
        *(_data(f"{top}_data_{n}", half) for n, half in halves),
        create(top, f"$(sectors /dev/mapper/{top}_data_0)", f"raid raid1 2 0 nosync 2 {names}"),
        device=f"/dev/mapper/{top}",
        views=(Joined(view=view, others=(second.leg,)),),
    )


def _data(name: str, device: str) -> str:
    length = f"$(($(sectors {device}) - {_METADATA}))"
    return create(name, length, f"linear {device} {_METADATA}")
