"""The rule on how large an image is."""

from hibtest.evidence import Boot
from hibtest.verdict.finding import Finding, Rule, corrupt, each

# Reclaim takes what is not in use at that moment: with an image_size of 0, Debian's 6.1, 6.12 and
# 7.3 left 8 to 64 pages of page cache in the image of an idle guest of 512 MiB.
_SPARED = 512


def _image_size(boot: Boot) -> Finding | None:
    """An image is no larger than ``image_size`` where to drop page cache would have been enough.

    What else is in memory may not fit: the limit is no promise (hibernate_preallocate_memory(),
    kernel/power/snapshot.c, 6.1 to 7.3).
    """
    ledger = boot.saved.ledger if boot.saved else None
    if ledger is None or ledger.asked is None:
        return None
    pages = ledger.data + ledger.zero
    excess = pages - ledger.asked
    if not 0 < excess <= ledger.cache - _SPARED:
        return None
    reason = (
        f"the image has {pages} pages, {excess} more than image_size allows, and {ledger.cache} "
        "of them are page cache: to drop some would have been enough"
    )
    return corrupt("image-size", boot, reason, "boots[*].saved.ledger")


SIZE_RULES: tuple[Rule, ...] = (each(_image_size),)
