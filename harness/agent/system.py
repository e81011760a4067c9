"""What the agent must know of the machine it runs on."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

_PAGE_KIB = 4
IMAGE_SIZE = Path("/sys/power/image_size")


def identity() -> dict[str, Any]:
    """Return which life of which kernel this is."""
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return {"release": platform.release(), "boot_id": boot_id}


def memory_info(text: str | None = None) -> dict[str, int]:
    """Return /proc/meminfo: KiB by name."""
    lines = (Path("/proc/meminfo").read_text() if text is None else text).splitlines()
    return {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}


def expected_pages() -> int:
    """Return how many pages the stream of an image may have: no more than half of memory.

    The kernel keeps a copy of what it saves, so there is room for half of it
    (hibernate_preallocate_memory(), kernel/power/snapshot.c, 6.1 to 7.3). Lists of pages come on
    top: one page for 512.
    """
    info = memory_info()
    used = info["MemTotal"] - info["MemFree"]
    pages = min(used, info["MemTotal"] // 2) // _PAGE_KIB
    return pages + pages // 512 + 2
