"""Emulated guests take turns for this host's CPUs, whoever runs them.

An emulated vCPU takes a CPU while it runs, and where many have to wait for one, guests stand still
or panic while they boot: 10 and 12 vCPUs on 2 CPUs did. But half of the time a guest waits for
itself, so as many vCPUs as CPUs leave CPUs idle: tests with guests of 2 vCPUs took some 20 s each
two by two, and some 30 s each one after the other. So a guest takes as many *seats* as it has
vCPUs, of which there are two for each CPU. Seats are locks on files of this user's: they are free
again when whoever held them is gone.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from harness.deadline import Deadline, poll
from harness.errors import HostError
from harness.machine.shape import Accel

SEATS_PER_CPU = 2
_LIMIT = 6 * 3600.0  # s; the guests before have deadlines of their own
_EVERY = 0.1  # s


@contextmanager
def turn(vcpus: int, accel: Accel, directory: Path | None = None) -> Iterator[None]:
    """Wait until there are CPUs for a guest, and keep them until left.

    :param directory: Where the seats are; one of this user's in the temporary directory.
    :raise HostError: When no seat can be had.
    """
    if accel is not Accel.TCG:
        yield
        return
    seats = SEATS_PER_CPU * (os.cpu_count() or 1)
    where = directory or Path(tempfile.gettempdir()) / f"hibtest-seats-{os.getuid()}"
    with ExitStack() as stack:
        deadline = Deadline.after(_LIMIT, f"{min(vcpus, seats)} of {seats} seats for a guest")
        # Only one gathers seats at a time: two that have half of theirs would wait for ever.
        with _taken(where / "next", deadline):
            for _ in range(min(vcpus, seats)):
                poll(lambda: _any(stack, where, seats), deadline, every=_EVERY)
        yield


@contextmanager
def _taken(path: Path, deadline: Deadline) -> Iterator[None]:
    fd = _open(path)
    try:
        poll(lambda: _lock(fd), deadline, every=_EVERY)
        yield
    finally:
        os.close(fd)


def _any(stack: ExitStack, where: Path, seats: int) -> bool | None:
    """Take one seat that is free; it is given back when the stack is left."""
    for number in range(seats):
        fd = _open(where / f"seat-{number}")
        if _lock(fd):
            stack.callback(os.close, fd)
            return True
        os.close(fd)
    return None


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        hint = "set TMPDIR to a directory of yours"
        raise HostError(f"{path}: {error.strerror}", hint=hint) from error


def _lock(fd: int) -> bool | None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    return True
