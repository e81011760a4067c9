"""The search: from the disks that are written to, down to processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from hibtest.agent.needed.asked import Asked, ask
from hibtest.agent.needed.blocks import Blocks
from hibtest.agent.needed.fuse import Fuse
from hibtest.agent.needed.graph import PROCESS, Edge, Graph, Node
from hibtest.agent.needed.mounts import NETWORK, Mounts
from hibtest.agent.needed.nodes import Below, connection, filesystem
from hibtest.agent.needed.processes import Process, Processes
from hibtest.agent.needed.sockets import Sockets
from hibtest.agent.needed.tree import Tree
from hibtest.linux import swaps
from hibtest.linux.mounts import Mount

OTHER_DEVICES = ("logdev", "rtdev", "journal_path", "journal_dev")
OTHER_PATHS = ("upperdir", "workdir", "lowerdir", "lowerdir+")


def find(root: str = "/", asked: Asked | None = None, running: tuple[int, ...] = ()) -> Graph:
    """Find what stands on what. Cannot block, whoever is stopped.

    :param root: Where /proc, /sys and /dev are looked for.
    :param asked: What the kernel answers to questions that no file answers; asked if not given.
    :param running: Processes that are never stopped: what they stand on is needed, too.
    """
    tree = Tree(root)
    return _Search(tree, ask(tree) if asked is None else asked).graph(running)


class _Search:
    """A walk from node to node, until nothing is new."""

    def __init__(self, tree: Tree, asked: Asked) -> None:
        self.tree = tree
        self.processes = Processes(tree)
        self.mounts = Mounts(tree, self.processes.spaces("mounts"))
        self.sockets = Sockets(tree, self.processes, asked.unix_peers)
        self.blocks = Blocks(tree, self.mounts, self.processes, self.sockets, asked)
        self.fuse = Fuse(self.processes)
        self.by_node = {filesystem(one): one for one in reversed(self.mounts.filesystems())}
        self.by_device = {one.device: filesystem(one) for one in self.mounts.filesystems()}
        self.swaps: dict[Node, str] = {}
        self.notes = list(asked.notes)
        self.families: set[int] = set()  # processes whose children are their helpers

    def graph(self, running: tuple[int, ...]) -> Graph:
        exempt = [self.processes.by_pid[pid] for pid in running if pid in self.processes.by_pid]
        starts = [*self.written(), *self.swapped(), *self.unseen()]
        known = -1
        while known < len(self.families):  # who has helpers may turn out after it was looked at
            known = len(self.families)
            edges = self.walk([*starts, *(process.node for process in exempt)], running)
        above = {edge.above for edge in edges}
        roots = tuple(one for one in starts if one in above or one in self.swaps)
        ends = (end for edge in edges for end in (edge.above, edge.below))
        return Graph(
            nodes=tuple(dict.fromkeys([*roots, *(one.node for one in exempt), *ends])),
            edges=edges,
            roots=roots,
            running=tuple(one.node for one in exempt),
            notes=(*self.notes, *self.fuse.notes),
        )

    def walk(self, starts: list[Node], running: tuple[int, ...]) -> tuple[Edge, ...]:
        edges: dict[tuple[Node, Node], Edge] = {}
        reached = set(starts)
        queue = deque(starts)
        while queue:
            above = queue.popleft()
            for below, why in self.below(above, running):
                edges.setdefault((above, below), Edge(above, below, why))
                if below not in reached:
                    reached.add(below)
                    queue.append(below)
        return tuple(edges.values())

    def written(self) -> Iterator[Node]:
        """Yield the filesystems that a sync writes to: sync(2) passes over read-only ones.

        fs/sync.c sync_inodes_one_sb(), 6.1 to 7.3.
        """
        for mount in self.mounts.filesystems():
            if mount.writable:
                yield filesystem(mount)

    def swapped(self) -> Iterator[Node]:
        for swap in swaps.parse(self.tree.text("/proc/swaps").encode()):
            node = Node("swap", swap.name)
            self.swaps[node] = swap.name
            yield node

    def unseen(self) -> Iterator[Node]:
        """Yield FUSE connections that are in no mount table: unmounted lazily, but in use."""
        shown = {str(one.connection) for one in self.mounts.filesystems() if one.fuse}
        for name in self.tree.names("/sys/fs/fuse/connections"):
            if name not in shown and any(self.fuse.servers(int(name))):
                yield connection(int(name))

    def below(self, node: Node, running: tuple[int, ...]) -> Iterator[Below]:
        """Yield what a node stands on."""
        if node.kind == "filesystem":
            yield from self.below_filesystem(self.by_node[node])
        elif node.kind == "swap":
            yield from self.below_path(self.swaps[node], "a swap file on it")
        elif node.kind == "block":
            for below, why in self.blocks.below(node.name):
                yield self.primary(below), why
        elif node.kind == "fuse":
            for process, why in self.fuse.servers(int(node.name.rpartition(" ")[2])):
                yield self.primary(process.node), why
        elif node.kind == PROCESS:
            process = self.processes.by_pid[node.pid]
            yield from self.below_files(process)
            if node.pid not in running:
                yield from self.below_others(process)

    def primary(self, node: Node) -> Node:
        self.families.add(node.pid)
        return node

    def below_filesystem(self, mount: Mount) -> Iterator[Below]:
        if mount.fstype in NETWORK:
            yield Node("network", mount.source), "by the kernel itself: nothing to continue"
            return
        if mount.fuse:
            yield connection(mount.connection), "served by a process"
            if mount.fstype.partition(".")[0] == "fuse" and mount.source.startswith("/"):
                yield from self.below_path(mount.source, f"shows {mount.source}")
        block = self.blocks.of_number(mount.device)
        if block:
            yield Node("block", block), "on it"
        else:
            yield from self.members(mount)
        for option in mount.options:
            key, _, value = option.partition("=")
            if key in OTHER_DEVICES:
                yield from self.below_path(value, key)
            elif key in OTHER_PATHS:
                for path in value.split(":"):
                    yield from self.below_path(path, key)

    def members(self, mount: Mount) -> Iterator[Below]:
        """Yield the devices of a filesystem that is on several (btrfs, bcachefs)."""
        first = {name for name in map(self.blocks.of_path, mount.source.split(":")) if name}
        for uuid in self.tree.names("/sys/fs/btrfs"):
            devices = self.tree.names(f"/sys/fs/btrfs/{uuid}/devices")
            if first.intersection(devices):
                first.update(devices)
        for name in sorted(first):
            yield Node("block", name), "a device of it"

    def below_path(self, path: str, why: str) -> Iterator[Below]:
        block, mount = self.blocks.of_path(path), self.mounts.of(path)
        if block:
            yield Node("block", block), "on it"
        elif mount is not None and path.startswith("/"):
            yield filesystem(mount), why

    def below_files(self, process: Process) -> Iterator[Below]:
        """Yield the filesystems and devices that a process has open."""
        for fd, link in process.files:
            block = self.blocks.of_path(link)
            if block:
                yield Node("block", block), f"has /dev/{block} open"
            elif link.startswith("/"):
                yield from self.on(self.processes.fdinfo(process.pid, fd, "mnt_id"), link)
        for name in ("exe", "cwd"):
            path = self.tree.link(f"/proc/{process.pid}/{name}")
            mount = self.mounts.of(path, process.mounts) if path else None
            if mount is not None:
                yield from self.on(str(mount.number), path)

    def on(self, number: str, path: str) -> Iterator[Below]:
        mount = self.mounts.by_number.get(int(number or 0))
        node = self.by_device.get(mount.device) if mount is not None else None
        if node is not None and any(self.below_filesystem(self.by_node[node])):
            yield node, f"uses {path}"

    def below_others(self, process: Process) -> Iterator[Below]:
        """Yield the processes that a process may wait for."""
        for other, why in self.sockets.below(process):
            yield other.node, why
        tracer = self.processes.by_pid.get(self.processes.tracer(process.pid))
        if tracer is not None:
            yield tracer.node, "traces it"
        if process.pid in self.families:
            for child in self.processes.children(process.pid):
                yield self.primary(child.node), "its child, perhaps its helper"
