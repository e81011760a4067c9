"""Mounts of all mount namespaces, and which mount a path lies on."""

from __future__ import annotations

from hibtest.agent.needed.tree import Tree
from hibtest.linux.mounts import Mount, parse

NETWORK = frozenset(("nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "lustre", "virtiofs"))


class Mounts:
    """All mounts that can be seen.

    :ivar own: Those of the reader's mount namespace.
    :ivar by_number: Mounts by their number, which is unique among all namespaces.
    """

    def __init__(self, tree: Tree, spaces: dict[str, int]) -> None:
        self.tree = tree
        self.own = parse(tree.text("/proc/self/mountinfo").encode())
        self.tables: dict[str, list[Mount]] = {tree.link("/proc/self/ns/mnt"): self.own}
        for space, pid in spaces.items():
            if space not in self.tables:
                self.tables[space] = parse(tree.text(f"/proc/{pid}/mountinfo").encode())
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
