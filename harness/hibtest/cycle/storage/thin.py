"""A thin device, and the pool that it has for itself."""

from functools import partial

from hibtest.cycle.storage.below import Below, create, sectors
from hibtest.cycle.storage.part import Part
from hibtest.image.thin import thin
from hibtest.image.through import Joined
from hibtest.spec import Thin

_NUMBER = 1  # of the device in its pool


def thin_part(layer: Thin, below: Below, name: str) -> Part:
    """Return a part with a pool upon it and another, and a thin device as large as the pool.

    What a device of zeros gives out reads as zeros, so nothing is zeroed before.
    """
    data, metadata, top = below.first, below.beside("meta"), f"{name}-thin"
    pool, chunk = f"{top}_pool", layer.chunk_kib * 2
    table = f"thin-pool {metadata.device} {data.device} {chunk} 0 1 skip_block_zeroing"
    device = f"/dev/mapper/{top}"
    fill = (f"if_new blkdiscard --zeroout {device}",) if layer.provisioned else ()
    return data.with_legs(metadata).on(
        "drivers dm-mod dm-thin-pool",
        create(pool, sectors(data, chunk), table),
        f"if_new dmsetup message /dev/mapper/{pool} 0 create_thin {_NUMBER}",
        create(top, sectors(data, chunk), f"thin /dev/mapper/{pool} {_NUMBER}"),
        *fill,
        device=device,
        views=(Joined(view=partial(thin, number=_NUMBER), others=(metadata.leg,)),),
    )
