"""Which processes serve a FUSE connection."""

from __future__ import annotations

from hibtest.agent.needed.nodes import Found
from hibtest.agent.needed.processes import Process, Processes

GUESS = "has /dev/fuse open; before Linux 6.16 the kernel does not say for which connection"


class Fuse:
    """The processes that have /dev/fuse open.

    Linux 6.16 and later say in fdinfo which connection a descriptor serves: kernel commit
    514d9210bf45 ("fs: fuse: add dev id to /dev/fuse fdinfo"). Where none says so, any may.
    """

    def __init__(self, processes: Processes) -> None:
        self.processes = processes
        self.serving: list[tuple[Process, str]] = [
            (process, processes.fdinfo(process.pid, fd, "fuse_connection"))
            for process in processes.by_pid.values()
            for fd, link in process.files
            if link == "/fuse" or link.endswith("/dev/fuse")
        ]
        self.told = any(number for _, number in self.serving)

    def servers(self, connection: int) -> Found:
        """Yield the processes that serve a connection: all that may, where the kernel is silent."""
        for process, number in self.serving:
            if number == str(connection):
                yield process, "serves it"
            elif not self.told:
                yield process, GUESS

    @property
    def notes(self) -> list[str]:
        """What is not known for sure."""
        if self.told or len({process.pid for process, _ in self.serving}) < 2:
            return []
        return ["this kernel does not say who serves which FUSE connection: all are continued"]
