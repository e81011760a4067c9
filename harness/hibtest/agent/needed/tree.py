"""Reading /proc and /sys, below any root directory.

Only what cannot block: no path is looked up on a filesystem whose server may be stopped, and
neither /proc/PID/cmdline nor /proc/PID/maps is read, which wait for a lock that a stopped
process may hold (mmap_lock; fs/proc/base.c, fs/proc/task_mmu.c).
"""

from __future__ import annotations

import os


class Tree:
    """Files below a root directory. What is not there, or goes away meanwhile, reads as empty."""

    def __init__(self, root: str = "/") -> None:
        self.root = root.rstrip("/")

    def text(self, path: str) -> str:
        """Return a file's text without the white space around it."""
        try:
            with open(self.root + path, "rb", buffering=0) as file:  # noqa: PTH123 - no imports more
                parts = iter(lambda: file.read(1 << 16), b"")
                return b"".join(part or b"" for part in parts).decode(errors="replace").strip()
        except OSError:
            return ""

    def link(self, path: str) -> str:
        """Return where a symbolic link points to."""
        try:
            return os.readlink(self.root + path)  # noqa: PTH115 - links such as pipe:[12]
        except OSError:
            return ""

    def names(self, path: str) -> list[str]:
        """Return the names in a directory, sorted."""
        try:
            return sorted(os.listdir(self.root + path))  # noqa: PTH208
        except OSError:
            return []
