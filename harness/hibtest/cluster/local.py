"""A cluster on this host alone: a scheduler and workers that end with whoever started them."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO

from hibtest.deadline import Deadline, DeadlineExpired, poll, wait_readable
from hibtest.errors import HostError, SpecError

_START = 60.0  # s, on a busy host
_END = 40.0  # s, for guests to end and disks to be removed
_MOST = 64
_HIBTEST = ("setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-P", "-m", "hibtest")
LOCAL = "local"


def wanted(where: str) -> int:
    """Return how many workers are wanted on this host; 0: it is another one's address.

    >>> wanted("local:2"), wanted("tcp://192.0.2.1:8786")
    (2, 0)

    :raise SpecError: When it is no number of workers.
    """
    kind, _, number = where.partition(":")
    if kind != LOCAL:
        return 0
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= _MOST):
        raise SpecError(f"--cluster {where}: how many workers?", hint=f"local:1 to local:{_MOST}")
    return int(number)


@contextmanager
def local(workers: int) -> Iterator[str]:
    """Start a scheduler and workers with a seat each on loopback; yield the scheduler's address.

    :raise HostError: When one does not start.
    """
    with ExitStack() as stack:
        scheduler = stack.enter_context(_started("scheduler", "--listen", "tcp://127.0.0.1:0"))
        where = scheduler.address()
        words = ("worker", where, "--seats", "1", "--name")
        names = [f"worker-{number}" for number in range(1, workers + 1)]
        for one in [stack.enter_context(_started(*words, name)) for name in names]:
            one.address()
        yield where


@dataclass(frozen=True, slots=True)
class _Started:
    """A process of a cluster.

    :ivar complaints: What it wrote to its standard error.
    """

    kind: str
    process: "subprocess.Popen[bytes]"
    complaints: IO[bytes]

    def address(self) -> str:
        """Wait for the address that it says it has."""
        deadline, out = Deadline.after(_START, f"the address of a {self.kind}"), self.process.stdout
        if out is None or not wait_readable([out.fileno()], deadline):
            raise HostError(f"a {self.kind} did not start within {_START:.0f} s")
        words = out.readline().decode(errors="replace").replace(",", " ").split()
        found = [word for word in words if "://" in word]
        if found:
            return found[0]
        self.complaints.seek(0)
        said = self.complaints.read().decode(errors="replace").splitlines()
        raise HostError(f"a {self.kind} did not start: {(said or ['it said nothing'])[0]}")


@contextmanager
def _started(kind: str, *words: str) -> Iterator[_Started]:
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(
            [*_HIBTEST, "cluster", kind, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield _Started(kind, process, complaints)
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    deadline = Deadline.after(_END, "the end of a worker")
    try:
        poll(process.poll, deadline)
    except DeadlineExpired:
        process.kill()
