"""How things are named as nodes, and what the parts of the search yield."""

from __future__ import annotations

from collections.abc import Iterator

from hibtest.agent.needed.graph import Node
from hibtest.agent.needed.processes import Process
from hibtest.linux.mounts import Mount

Below = tuple[Node, str]  # what something stands on, and why
Found = Iterator[tuple[Process, str]]  # a process, and why


def filesystem(mount: Mount) -> Node:
    """Return the node of the filesystem that a mount shows."""
    return Node("filesystem", f"{mount.point} ({mount.fstype}, {mount.device})")


def connection(number: int) -> Node:
    """Return the node of a FUSE connection, by its number in /sys/fs/fuse/connections."""
    return Node("fuse", f"connection {number}")
