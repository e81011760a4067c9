"""What the agent must know of the machine it runs on."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import Any

from hibtest.agent.guardian.journal import Journal

IMAGE_SIZE = Path("/sys/power/image_size")
_PAGE_KIB = 4
_PRESENT = re.compile(r"^ +present +(\d+)$", re.MULTILINE)


def identity() -> dict[str, Any]:
    """Return which life of which kernel this is."""
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return {"release": platform.release(), "boot_id": boot_id}


def memory_info(text: str | None = None) -> dict[str, int]:
    """Return /proc/meminfo: KiB by name."""
    lines = (Path("/proc/meminfo").read_text() if text is None else text).splitlines()
    return {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}


def present_pages(text: str | None = None) -> int:
    """Return the pages of memory that are there, the kernel's own included: /proc/zoneinfo."""
    text = Path("/proc/zoneinfo").read_text() if text is None else text
    return sum(int(number) for number in _PRESENT.findall(text))


def expected_pages() -> int:
    """Return how many pages the stream of an image may have: a guess, before the snapshot.

    What is not free, but no more than half of memory: the kernel keeps a copy of what it saves
    (hibernate_preallocate_memory(), kernel/power/snapshot.c, 6.1 to 7.3). Lists of pages come on
    top: one page for 512.
    """
    present = present_pages()
    used = present - memory_info()["MemFree"] // _PAGE_KIB
    pages = min(used, present // 2)
    return pages + pages // 512 + 2


def note_image_size(journal: Journal) -> None:
    """Note the preferred size of images: SNAPSHOT_PREF_IMAGE_SIZE sets it for good."""
    journal.add("image-size", old=IMAGE_SIZE.read_text().strip())


def undo(args: dict[str, Any]) -> None:
    """Set the preferred size of images back."""
    IMAGE_SIZE.write_text(args["old"])
