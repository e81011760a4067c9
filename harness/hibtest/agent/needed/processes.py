"""User processes: their names, parents, namespaces and open files."""

from __future__ import annotations

from typing import NamedTuple

from hibtest.agent.needed.graph import PROCESS, Node
from hibtest.agent.needed.tree import Tree
from hibtest.linux import tasks


class Process(NamedTuple):
    """A process.

    :ivar files: Descriptors and what their links say.
    """

    pid: int
    comm: str
    parent: int
    mounts: str
    network: str
    files: tuple[tuple[str, str], ...]

    @property
    def node(self) -> Node:
        return Node(PROCESS, self.comm, self.pid)


class Processes:
    """All processes but kernel threads, which need nothing of us."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.by_pid: dict[int, Process] = {}
        self.holders: dict[str, list[int]] = {}  # by what the links of descriptors say
        for name in tree.names("/proc"):
            if name.isdigit():
                self.add(int(name))

    def add(self, pid: int) -> None:
        line = self.tree.text(f"/proc/{pid}/stat")
        if not line:  # it has ended
            return
        stat = tasks.parse(line.encode())
        if stat.kernel:
            return
        here = f"/proc/{pid}"
        files = tuple(
            (fd, self.tree.link(f"{here}/fd/{fd}")) for fd in self.tree.names(f"{here}/fd")
        )
        spaces = [self.tree.link(f"{here}/ns/{kind}") for kind in ("mnt", "net")]
        self.by_pid[pid] = Process(pid, stat.comm, stat.ppid, spaces[0], spaces[1], files)
        for link in {link for _, link in files}:
            self.holders.setdefault(link, []).append(pid)

    def spaces(self, kind: str) -> dict[str, int]:
        """Return the namespaces of a kind (``mounts`` or ``network``), and a process in each.

        A zombie is in none.
        """
        spaces = ((getattr(one, kind), one.pid) for one in reversed(list(self.by_pid.values())))
        return {space: pid for space, pid in spaces if space}

    def named(self, comm: str) -> list[Process]:
        """Return the processes of a name."""
        return [one for one in self.by_pid.values() if one.comm == comm]

    def holding(self, link: str) -> list[Process]:
        """Return the processes that have something open."""
        return [self.by_pid[pid] for pid in self.holders.get(link, ())]

    def children(self, pid: int) -> list[Process]:
        """Return the processes that a process has started."""
        return [one for one in self.by_pid.values() if one.parent == pid]

    def tracer(self, pid: int) -> int:
        """Return who traces a process, 0 for nobody."""
        for line in self.tree.text(f"/proc/{pid}/status").splitlines():
            if line.startswith("TracerPid:"):
                return int(line.split()[1])
        return 0

    def fdinfo(self, pid: int, fd: str, key: str) -> str:
        """Return a value of /proc/PID/fdinfo/FD, empty when it has none of this name."""
        for line in self.tree.text(f"/proc/{pid}/fdinfo/{fd}").splitlines():
            name, _, value = line.partition(":")
            if name == key:
                return value.strip()
        return ""
