"""Lines of /proc/swaps: proc_swaps(5).

swap_show(), mm/swapfile.c, 6.1 to 7.3.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hibtest.linux.mounts import unescaped

_BLANKS = re.compile(r"[ \t]+")


class Swap(NamedTuple):
    """A swap in use.

    :ivar name: A path as its swapon(2) saw it; `` (deleted)`` ends it when it is there no more.
    :ivar kind: ``partition`` for any block device, or ``file``.
    :ivar size: In KiB.
    :ivar used: In KiB.
    """

    name: str
    kind: str
    size: int
    used: int
    priority: int


def parse(listing: bytes) -> list[Swap]:
    """Return the swaps that the file lists; its first line is the names of its columns.

    :raise ValueError: When a line is none of such a file.
    """
    text = listing.decode(errors="surrogateescape")
    return [_swap(line) for line in text.split("\n")[1:] if line]


def _swap(line: str) -> Swap:
    try:
        name, kind, size, used, priority = _BLANKS.split(line)
        return Swap(unescaped(name), kind, int(size), int(used), int(priority))
    except ValueError as error:
        raise ValueError(f"no line of /proc/swaps: {line!r:.300}") from error
