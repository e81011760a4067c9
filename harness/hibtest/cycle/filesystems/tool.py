"""Programs that look at filesystems: for so long, and no more heard of them than so much."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hibtest.deadline import Deadline, wait_readable
from hibtest.programs import path, require

_MOST = 1 << 20  # bytes that are kept of what a program prints
_PIECE = 1 << 16
# a guest may have written anything
_BOUNDS = ("prlimit", f"--as={2 << 30}", "--core=0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What came of a program.

    :ivar command: What was run, as it can be pasted.
    :ivar status: Its exit status; ``None``: it was ended, because its time was up.
    :ivar text: What it printed, on both of its outputs.
    :ivar cut: Whether it printed more.
    """

    command: str
    status: int | None
    text: str
    cut: bool = False

    def __str__(self) -> str:
        end = "was ended: its time was up" if self.status is None else f"ended with {self.status}"
        more = "[more was printed]\n" if self.cut else ""
        return f"$ {self.command}\n{self.text}{more}[it {end}]\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was found to be wrong with a filesystem.

    :ivar problems: In the program's words, as far as they were kept.
    :ivar ran: What was run.
    :ivar lacking: Why that is not all that can be said; empty when it is.
    :ivar logged: Whether it has a log that only a kernel can replay, and which was not.
    """

    problems: tuple[str, ...]
    ran: tuple[Ran, ...]
    lacking: str = ""
    logged: bool = False

    @property
    def more(self) -> bool:
        """Whether there are problems beside those."""
        return any(one.cut or one.status is None for one in self.ran)


def ran(argv: Sequence[str | Path], deadline: Deadline) -> Ran:
    """Run a program until it ends, or the deadline passes.

    :raise HostError: When the program is missing.
    """
    words = [os.fspath(word) for word in argv]
    require(_BOUNDS[0], words[0])
    kept, cut = bytearray(), False
    status: int | None
    with _started([*_BOUNDS, *words]) as process:
        for piece in _printed(process, deadline):
            room = _MOST - len(kept)
            kept += piece[:room]
            cut = cut or len(piece) > room
        try:
            status = process.wait(deadline.remaining)
        except subprocess.TimeoutExpired:
            status = None
    text = kept.decode(errors="replace")
    return Ran(command=" ".join(words), status=status, text=text, cut=cut)


@contextmanager
def _started(words: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    # no settings of this host: e2fsck.conf(5) could make other problems of them
    more = {"PATH": path(), "LC_ALL": "C", "E2FSCK_CONFIG": os.devnull, "DEBUGFS_PAGER": "cat"}
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **more},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _printed(process: subprocess.Popen[bytes], deadline: Deadline) -> Iterator[bytes]:
    if process.stdout is None:
        return
    fd = process.stdout.fileno()
    while wait_readable([fd], deadline):
        piece = os.read(fd, _PIECE)
        if not piece:
            return
        yield piece
