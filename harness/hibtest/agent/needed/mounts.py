"""Mounts of all mount namespaces, and which mount a path lies on (proc_pid_mountinfo(5))."""

from __future__ import annotations

import re
from typing import NamedTuple

from hibtest.agent.needed.tree import Tree

NETWORK = frozenset(("nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "lustre", "virtiofs"))


class Mount(NamedTuple):
    """One line of a mountinfo file.

    :ivar device: ``MAJOR:MINOR`` of the filesystem's st_dev.
    :ivar writable: Whether the filesystem (the superblock, not this mount of it) is writable.
    """

    number: int
    device: str
    point: str
    fstype: str
    source: str
    options: tuple[str, ...]

    @property
    def writable(self) -> bool:
        return "rw" in self.options

    @property
    def fuse(self) -> bool:
        """Whether a process serves it through /dev/fuse."""
        return self.fstype in ("fuse", "fuseblk") or self.fstype.startswith(("fuse.", "fuseblk."))

    @property
    def connection(self) -> int:
        """The number of a FUSE filesystem's connection: its st_dev as the kernel counts it.

        new_encode is not used: fs/fuse/inode.c fuse_fill_super_common() has fc->dev = sb->s_dev,
        20 bits of minor (MINORBITS, include/linux/kdev_t.h); 6.1 to 7.3.
        """
        major, _, minor = self.device.partition(":")
        return int(major) << 20 | int(minor)


class Mounts:
    """All mounts that can be seen.

    :ivar own: Those of the reader's mount namespace.
    :ivar by_number: Mounts by their number, which is unique among all namespaces.
    """

    def __init__(self, tree: Tree, spaces: dict[str, int]) -> None:
        self.tree = tree
        self.own = parse(tree.text("/proc/self/mountinfo"))
        self.tables: dict[str, list[Mount]] = {tree.link("/proc/self/ns/mnt"): self.own}
        for space, pid in spaces.items():
            if space not in self.tables:
                self.tables[space] = parse(tree.text(f"/proc/{pid}/mountinfo"))
        self.by_number = {one.number: one for table in self.tables.values() for one in table}

    def filesystems(self) -> list[Mount]:
        """Return one mount of each filesystem, one of our own namespace if there is one."""
        found: dict[str, Mount] = {}
        for table in self.tables.values():
            for one in table:
                found.setdefault(one.device, one)
        return list(found.values())

    def of(self, path: str, space: str = "") -> Mount | None:
        """Return the mount that a path lies on, by its text alone."""
        best: Mount | None = None
        for one in self.tables.get(space, self.own):
            if covers(one.point, path) and (best is None or len(one.point) >= len(best.point)):
                best = one
        return best


def covers(point: str, path: str) -> bool:
    return point == "/" or path == point or path.startswith(point + "/")


def parse(text: str) -> list[Mount]:
    """Return the mounts that a mountinfo file lists."""
    found = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields, rest = before.split(" "), after.split(" ")
        if len(fields) >= 6 and len(rest) >= 3:
            plain = [unescape(field) for field in (fields[4], rest[1])]
            options = tuple(rest[2].split(","))
            found.append(Mount(int(fields[0]), fields[2], plain[0], rest[0], plain[1], options))
    return found


def unescape(text: str) -> str:
    """Return a field with its blanks: octal escapes as the kernel's mangle() writes them."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
