"""Accounts for every page of RAM at the snapshot.

swsusp keeps two bitmaps over all page frames (kernel/power/snapshot.c, v6.1 to v7.3):
``free_pages_map`` has the free pages, ``forbidden_pages_map`` those that are never saved, and
its own pages (copies and bitmaps) are in both. What is in neither, and is RAM for the kernel,
is in use and must be in the image.
"""

import numpy as np

from hibtest.evidence import Ledger
from hibtest.image.blocks import Numbers

_NAMED = 16


def account(
    *,
    ram: Numbers,
    data: Numbers,
    zero: Numbers,
    free: Numbers,
    forbidden: Numbers,
    nosave: Numbers,
) -> Ledger:
    """Return where each page of RAM is.

    :param ram: PFNs of all RAM of the machine.
    :param data: PFNs in the image, with data.
    :param zero: PFNs in the image, flagged as zero.
    :param free: PFNs in ``free_pages_map``.
    :param forbidden: PFNs in ``forbidden_pages_map``.
    :param nosave: PFNs that the kernel does not save for other reasons: what the firmware keeps,
        and the kernel's own nosave data.
    """
    is_data, is_zero = np.isin(ram, data), np.isin(ram, zero)
    is_free, is_forbidden = np.isin(ram, free), np.isin(ram, forbidden)
    is_nosave = np.isin(ram, nosave)
    saved = is_data | is_zero
    left_out = is_free | is_forbidden
    lost = ~saved & ~left_out & ~is_nosave
    twice = saved & left_out | is_data & is_zero
    return Ledger(
        ram=len(ram),
        data=int(is_data.sum()),
        zero=int(is_zero.sum()),
        free=int((is_free & ~is_forbidden).sum()),
        copies=int((is_free & is_forbidden).sum()),
        nosave=int((~is_free & ~saved & (is_forbidden | is_nosave)).sum()),
        lost=int(lost.sum()),
        twice=int(twice.sum()),
        first=tuple(int(pfn) for pfn in ram[lost | twice][:_NAMED]),
    )
