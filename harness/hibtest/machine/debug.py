"""What makes a machine one that can be looked into: a socket pair, and a file that is its RAM.

The guest's memory is a memfd: on no file system, and gone with the last process that has it.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hibtest.errors import HostError
from hibtest.machine.shape import DebugWires


@dataclass(frozen=True, slots=True)
class Hatch:
    """Both ends of the way into a machine.

    :ivar gdb: Our end of the gdb stub's socket pair.
    :ivar gdb_end: QEMU's end.
    :ivar memory_fd: The file that is to hold the guest's memory.
    """

    gdb: socket.socket
    gdb_end: socket.socket
    memory_fd: int

    @property
    def wires(self) -> DebugWires:
        """What QEMU inherits."""
        return DebugWires(gdb_fd=self.gdb_end.fileno(), memory_fd=self.memory_fd)


@contextmanager
def open_hatch(memory_mib: int) -> Iterator[Hatch]:
    """Make the way into a machine of that memory; close our side of it at the end.

    :raise HostError: When there can be no file of that size.
    """
    ours, qemus = socket.socketpair()
    with ours, qemus:
        fd = os.memfd_create("hibtest-ram")
        try:
            try:
                os.truncate(fd, memory_mib << 20)
            except OSError as error:
                reason = f"{memory_mib} MiB for the guest's memory: {error.strerror}"
                raise HostError(reason) from error
            yield Hatch(ours, qemus, fd)
        finally:
            os.close(fd)
