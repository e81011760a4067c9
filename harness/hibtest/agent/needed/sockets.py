"""Who is at the other end of a process's pipes and sockets.

A process waits for those that serve it: for the server of a connection that it made, and for
the other end of a pipe or of a pair of sockets without names. A server does not wait for its
clients.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hibtest.agent.needed.processes import Process, Processes
from hibtest.agent.needed.tree import Tree

ESTABLISHED, LISTEN = "01", "0A"  # include/net/tcp_states.h
MAPPED = "0000000000000000FFFF0000"  # an IPv4 address as IPv6 writes it, as /proc/net/tcp6 does
Ends = tuple[str, str]


class Tcp(NamedTuple):
    """An established connection as one end sees it."""

    inode: str
    ends: Ends


class Sockets:
    """The sockets of all network namespaces.

    :param unix_peers: Inode -> inode of the other end, by sock_diag(7); empty when unknown.
    """

    def __init__(self, tree: Tree, processes: Processes, unix_peers: Mapping[str, str]) -> None:
        self.processes = processes
        self.unix_peers = unix_peers
        self.names: dict[str, str] = {}
        self.tcp: dict[str, Tcp] = {}
        self.by_ends: dict[Ends, list[str]] = {}
        self.ports: set[str] = set()
        for pid in processes.spaces("network").values():
            self.read_unix(tree.text(f"/proc/{pid}/net/unix"))
            for name in ("tcp", "tcp6"):
                self.read_tcp(tree.text(f"/proc/{pid}/net/{name}"))

    def read_unix(self, text: str) -> None:
        for line in text.splitlines()[1:]:
            fields = line.split(None, 7)
            if len(fields) >= 7:
                self.names[fields[6]] = fields[7] if len(fields) > 7 else ""

    def read_tcp(self, text: str) -> None:
        for line in text.splitlines()[1:]:
            fields = line.split()
            if len(fields) < 10:
                continue
            local, remote, inode = plain(fields[1]), plain(fields[2]), fields[9]
            if fields[3] == LISTEN:
                self.ports.add(port(local))
            elif fields[3] == ESTABLISHED:
                self.tcp[inode] = Tcp(inode, (local, remote))
                self.by_ends.setdefault((local, remote), []).append(inode)

    def below(self, process: Process) -> Iterator[tuple[Process, str]]:
        """Yield the processes that this one waits for, and why."""
        for fd, link in process.files:
            if link.startswith("pipe:["):
                for other in self.processes.holding(link):
                    if other.pid != process.pid:
                        yield other, f"a pipe, descriptor {fd}"
            elif link.startswith("socket:["):
                yield from self.served_by(process, link[8:-1], fd)

    def served_by(self, process: Process, inode: str, fd: str) -> Iterator[tuple[Process, str]]:
        for peer in self.servers(inode):
            for other in self.processes.holding(f"socket:[{peer}]"):
                if other.pid != process.pid:
                    yield other, f"a socket to it, descriptor {fd}{self.address(peer)}"

    def servers(self, inode: str) -> list[str]:
        """Return the sockets at the other end, unless this end is the server."""
        peer = self.unix_peers.get(inode)
        if peer is not None:
            serves = self.names.get(inode) and not self.names.get(peer)
            return [] if serves else [peer]
        tcp = self.tcp.get(inode)
        if tcp is None:
            return []
        local, remote = tcp.ends
        if port(local) in self.ports and port(remote) not in self.ports:
            return []
        return self.by_ends.get((remote, local), [])

    def address(self, inode: str) -> str:
        name = self.names.get(inode)
        if name:
            return f", {name}"
        tcp = self.tcp.get(inode)
        return f", TCP port {int(port(tcp.ends[0]), 16)}" if tcp else ""

    def kernels(self) -> Iterator[tuple[Process, str]]:
        """Yield the processes at the other end of sockets that no process holds.

        Such sockets are the kernel's: those of nbd devices and of network filesystems.
        """
        for inode in (*self.tcp, *self.unix_peers):
            if inode == "0" or self.processes.holding(f"socket:[{inode}]"):
                continue
            tcp = self.tcp.get(inode)
            peers = self.by_ends.get((tcp.ends[1], tcp.ends[0]), []) if tcp else []
            for peer in peers or [self.unix_peers.get(inode, "")]:
                for other in self.processes.holding(f"socket:[{peer}]"):
                    yield other, f"the other end of a socket of the kernel{self.address(peer)}"


def plain(end: str) -> str:
    return end.removeprefix(MAPPED)


def port(end: str) -> str:
    return end.rpartition(":")[2]
