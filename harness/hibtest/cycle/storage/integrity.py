"""A device of dm-integrity, opened in early userspace."""

from hibtest.cycle.storage.below import Below
from hibtest.cycle.storage.part import Part
from hibtest.image.integrity import integrity
from hibtest.spec import Integrity

_OPTIONS = "--integrity crc32c"


def integrity_part(layer: Integrity, below: Below, name: str) -> Part:
    """Return a part with a device upon it that has a checksum for each block.

    It is made by writing zeros to all of it: a block that was never written has a wrong checksum.
    """
    first, top = below.first, f"{name}-integrity"
    journal = "" if layer.journal else " --integrity-no-journal"
    return first.on(
        "drivers dm-mod dm-integrity crypto-crc32c",
        f"if_new integritysetup format --batch-mode {_OPTIONS} --sector-size 4096 {first.device}",
        f"tool integritysetup open {_OPTIONS}{journal} {first.device} {top}",
        device=f"/dev/mapper/{top}",
        views=(integrity,),
    )
