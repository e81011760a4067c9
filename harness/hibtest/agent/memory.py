"""Memory that two processes share, and memory that stays where it is."""

from __future__ import annotations

import ctypes
import gc
import mmap
import struct

from hibtest.agent.errors import AgentError

_MCL_CURRENT, _MCL_FUTURE = 1, 2  # include/uapi/asm-generic/mman.h
_USED = struct.Struct("<I")


class Lines:
    """Lines in memory that is shared with children: what one wrote, the other reads.

    Nothing is allocated when a line is added, and a writer that is killed in the middle of it
    leaves the lines before it.
    """

    def __init__(self, size: int, fd: int = -1) -> None:
        """Share new memory, or a file of this size, with the lines that it has."""
        self._map = mmap.mmap(fd, size)

    def add(self, line: str) -> None:
        """Add a line.

        :raise AgentError: When there is no room left.
        """
        data = line.encode() + b"\n"
        used = self._used()
        end = _USED.size + used + len(data)
        if end > len(self._map):
            raise AgentError(f"{len(data)} bytes do not fit in a buffer of {len(self._map)}")
        self._map[end - len(data) : end] = data
        # Only now it counts.
        self._map[: _USED.size] = _USED.pack(used + len(data))

    def fits(self, line: str) -> bool:
        """Return whether there is room for a line."""
        return _USED.size + self._used() + len(line.encode()) + 1 <= len(self._map)

    def read(self) -> list[str]:
        """Return all lines."""
        text = self._map[_USED.size : _USED.size + self._used()]
        return [line.decode(errors="replace") for line in text.split(b"\n")[:-1]]

    def blot(self, number: int) -> None:
        """Put a zero over the first byte of a line: one store, so it is done or it is not."""
        start = _USED.size
        for _ in range(number):
            start = self._map.find(b"\n", start) + 1
        self._map[start] = 0

    def _used(self) -> int:
        used: int = _USED.unpack(self._map[: _USED.size])[0]
        return min(used, len(self._map) - _USED.size)


def lock() -> None:
    """Keep all of this process in memory, now and later, and its collector from walking it.

    A page that is not in memory would have to be read from a disk, which may not answer when the
    machine stands still.

    :raise AgentError: When it may not.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE):
        raise AgentError(
            f"mlockall: errno {ctypes.get_errno()}", hint="run as root, with room in memory"
        )
