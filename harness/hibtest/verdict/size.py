"""The rule on how large an image is."""

from hibtest.evidence import Boot, Evidence
from hibtest.spec import KernelMethod, Scenario
from hibtest.verdict.finding import Finding, Rule, corrupt, each

# Reclaim takes what is not in use at that moment: with an image_size of 0, Debian's 6.1, 6.12 and
# 7.3 left 8 to 64 pages of page cache in the image of an idle guest of 512 MiB.
_SPARED = 512


def _image_size(boot: Boot) -> Finding | None:
    """An image is no larger than ``image_size`` as long as there is page cache to be dropped.

    What else is in memory may not fit: the limit is no promise (hibernate_preallocate_memory(),
    kernel/power/snapshot.c, 6.1 to 7.3). Nor can be dropped what is locked.
    """
    ledger = boot.saved.ledger if boot.saved else None
    if ledger is None or ledger.asked is None:
        return None
    pages = ledger.data + ledger.zero
    if pages <= ledger.asked or ledger.cache <= _SPARED:
        return None
    reason = (
        f"the image has {pages} pages, {pages - ledger.asked} more than image_size allows, and "
        f"{ledger.cache} of them are page cache, which could have been dropped"
    )
    return corrupt("image-size", boot, reason, "boots[*].saved.ledger")


def _by_kernel(scenario: Scenario, evidence: Evidence) -> Finding | None:
    """The agent has itself, and all that it has mapped, locked in memory (mlockall(2))."""
    asked = isinstance(scenario.method, KernelMethod)
    return each(_image_size)(scenario, evidence) if asked else None


SIZE_RULES: tuple[Rule, ...] = (_by_kernel,)
