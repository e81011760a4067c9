"""One case: a list of steps, carried out one by one; each has an answer.

A step is a line of words. In capitals it is an ioctl, with its argument: ``FREEZE``,
``SET_SWAP_AREA swap 0``, ``CREATE_IMAGE NULL`` (a bad pointer). The other verbs are the methods
of :class:`Session` and of :class:`~hibtest.probe.snapshotdev.around.Around`. An answer is a
number, a word, or the name of an errno.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections.abc import Sequence

from hibtest.linux.pages import PAGE
from hibtest.linux.snapshot import DEVICE, IOCTLS, swap_area
from hibtest.probe.base import RUN, ProbeError, errno_name
from hibtest.probe.snapshotdev import stream
from hibtest.probe.snapshotdev.around import FILES, ITSELF, PROCESSES, Around

FIRST_PAGES = RUN / "first-pages"
MODES = {"r": os.O_RDONLY, "w": os.O_WRONLY, "rw": os.O_RDWR}
# What a step may begin with, ioctls aside: methods of Session, and what is around it.
OF_DEVICE = ("open", "close", "ioctl", "fill", "seek", "read", "drain", "page", "borrow", "write")
VERBS = frozenset((*OF_DEVICE, *PROCESSES, *FILES, *ITSELF))


class Session(Around):
    """The device as one process drives it. What it has open is closed when it ends."""

    def __init__(self) -> None:
        super().__init__()
        self.descriptors: list[int] = []
        self.last = b""
        self.read_pages = 0
        self.tiny: dict[str, bytes] = {}

    def do(self, step: str) -> int | str:
        """Carry out a step; return its answer."""
        verb, *words = step.split()
        try:
            if verb in IOCTLS:
                return self.number(verb, self.command(verb, words))
            answer: int | str = getattr(self, verb)(*words)
        except OSError as error:
            return errno_name(error.errno or 0)
        return answer

    def end(self) -> None:
        """Close what is open, which thaws what is frozen, and end the processes."""
        while self.descriptors:
            self.close()
        self.dismiss()

    @property
    def fd(self) -> int:
        """The descriptor that was opened last."""
        if not self.descriptors:
            raise OSError(9, "nothing is open")
        return self.descriptors[-1]

    def open(self, mode: str) -> int | str:
        """Open the device: ``r``, ``w`` or ``rw``."""
        self.descriptors.append(os.open(DEVICE, MODES[mode] | os.O_CLOEXEC))
        return 0

    def close(self) -> int | str:
        """Close what was opened last."""
        os.close(self.fd)
        self.descriptors.pop()
        self.read_pages = 0
        return 0

    def command(self, name: str, words: Sequence[str]) -> int:
        """Issue an ioctl; return what it writes to its argument, or else its return value."""
        number, out = IOCTLS[name]
        if out and not words:
            answer = bytearray(struct.calcsize(out))
            fcntl.ioctl(self.fd, number, answer, True)
            return int(struct.unpack(out, answer)[0])
        if name == "SET_SWAP_AREA" and len(words) > 1:
            area = swap_area(self.device(words[0]), int(words[1]))
            return int(fcntl.ioctl(self.fd, number, bytearray(area), True))
        value = 0 if words in ([], ["NULL"]) else int(words[0])
        return fcntl.ioctl(self.fd, number, value)

    def value(self, name: str) -> int:
        """Return what is in the argument of an ioctl that tells a number."""
        return self.command(name, []) if name in IOCTLS else super().value(name)

    def ioctl(self, number: str) -> int | str:
        """Issue an ioctl by its number, with 0 as its argument."""
        return fcntl.ioctl(self.fd, int(number, 16), 0)

    def fill(self) -> int | str:
        """Allocate swap pages until there are none; return how many there were."""
        count = 0
        with contextlib.suppress(OSError):
            while True:
                self.command("ALLOC_SWAP_PAGE", [])
                count += 1
        return count

    def seek(self) -> int | str:
        """Set the file position back to 0."""
        return os.lseek(self.fd, 0, os.SEEK_SET)

    def read(self, size: str, times: str = "1") -> int | str:
        """Read so many bytes, so many times; return what the last read did."""
        for _ in range(int(times)):
            self.last = os.read(self.fd, int(size))
            self.read_pages += len(self.last) == PAGE
        return len(self.last)

    def drain(self) -> int | str:
        """Read pages to the end; return how many fewer than GET_IMAGE_SIZE were ever read."""
        whole = self.command("GET_IMAGE_SIZE", []) // PAGE
        while self.read(str(PAGE)):
            pass
        return whole - self.read_pages

    def page(self) -> int | str:
        """Tell whether what was read last is the stream's first page."""
        return "info" if stream.is_info(self.last) else "other"

    def borrow(self) -> int | str:
        """Get the tiny stream for ``write``; its image is made once in a life of the guest."""
        if not FIRST_PAGES.exists():
            for step in ("open r", "FREEZE", "CREATE_IMAGE"):
                if isinstance(answer := self.do(step), str):
                    return answer
            pages = os.read(self.fd, PAGE) + os.read(self.fd, PAGE)
            self.close()
            FIRST_PAGES.write_bytes(pages)
        pages = FIRST_PAGES.read_bytes()
        self.tiny = stream.tiny(pages[:PAGE], pages[PAGE:])
        return 0

    def write(self, name: str, size: str = str(PAGE)) -> int | str:
        """Write so many bytes: ``zeros``, or of a page of the tiny stream."""
        data = self.tiny.get(name, b"").ljust(int(size), b"\0")
        return os.write(self.fd, data[: int(size)])


def check(steps: Sequence[str]) -> None:
    """Refuse steps that cannot be carried out, before the first of them is.

    :raise ProbeError: When a verb is not known.
    """
    known = {*IOCTLS, *VERBS}
    for step in steps:
        if not step.split() or step.split()[0] not in known:
            raise ProbeError("usage", f"no such step: {step!r}")
