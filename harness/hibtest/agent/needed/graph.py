"""What stands on what: nodes, edges, and which processes are reached from the disks."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

PROCESS = "process"


class Node(NamedTuple):
    """Something that others stand on, or that stands on others.

    :ivar kind: ``filesystem``, ``swap``, ``block``, ``fuse``, ``network`` or ``process``.
    :ivar name: A process's comm, a device's name, a filesystem's mount point and type.
    :ivar pid: The process, 0 for everything else.
    """

    kind: str
    name: str
    pid: int = 0

    def __str__(self) -> str:
        return f"{self.name} ({self.pid})" if self.pid else f"{self.kind} {self.name}"


class Edge(NamedTuple):
    """``above`` cannot work unless ``below`` works; ``why`` is a phrase for people."""

    above: Node
    below: Node
    why: str


class Graph(NamedTuple):
    """What stands on what.

    :ivar roots: What a sync writes to, and what memory is swapped out to.
    :ivar running: Processes that are never stopped, so that nobody has to continue them.
    :ivar notes: What could not be found out, or was taken to be more than it may be.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    roots: tuple[Node, ...]
    running: tuple[Node, ...] = ()
    notes: tuple[str, ...] = ()

    def below(self) -> dict[Node, list[Edge]]:
        """Return the edges by what they lead down from."""
        found: dict[Node, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.above, []).append(edge)
        return found


class Need(NamedTuple):
    """A process that must run.

    :ivar why: The shortest path that leads down to it, as text.
    """

    pid: int
    comm: str
    why: str


def needed(graph: Graph, roots: tuple[Node, ...] = ()) -> tuple[Need, ...]:
    """Return the processes that must run, by their numbers.

    :param roots: What must work; all roots of the graph, and what the running processes
        themselves stand on, if not given.
    """
    below = graph.below()
    starts = roots or (*graph.roots, *graph.running)
    paths: dict[Node, str] = {root: str(root) for root in starts}
    queue = deque(paths)
    while queue:
        node = queue.popleft()
        for edge in below.get(node, ()):
            if edge.below not in paths:
                paths[edge.below] = f"{paths[node]} > {edge.below} [{edge.why}]"
                queue.append(edge.below)
    exempt = {node.pid for node in graph.running}
    found = (node for node in paths if node.kind == PROCESS and node.pid not in exempt)
    return tuple(sorted(Need(node.pid, node.name, paths[node]) for node in found))


def served_swaps(graph: Graph) -> tuple[str, ...]:
    """Return the swaps that stand on processes.

    Memory is freed for the snapshot when the freezer has stopped everybody: a kernel that must
    swap out to one of these then waits for ever (scenarios/test_swapping.py).
    """
    swaps = (root for root in graph.roots if root.kind == "swap")
    return tuple(swap.name for swap in swaps if needed(graph, (swap,)))
