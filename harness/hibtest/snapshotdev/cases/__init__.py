"""All cases: the answers that were measured on Debian's 6.1.192, 6.12.117 and 7.3.4.

docs/snapshot-device.md tells the same to people. Cases that need another kernel command line come
first, those that leave no guest last: each change costs a boot.
"""

from hibtest.snapshotdev.case import Case
from hibtest.snapshotdev.cases import freezing, opening, reading, swap, writing

CASES: tuple[Case, ...] = (
    *opening.CASES,
    *freezing.CASES,
    *reading.CASES,
    *swap.CASES,
    *writing.CASES,
)
