"""Emulated guests take turns for this host's CPUs, whoever runs them.

An emulated vCPU takes a CPU while it runs, and where many have to wait for one, guests stand still
or panic while they boot: 10 and 12 vCPUs on 2 CPUs did. But half of the time a guest waits for
itself, so as many vCPUs as CPUs leave CPUs idle: tests with guests of 2 vCPUs took some 20 s each
two by two, and some 30 s each one after the other. So a guest takes as many *seats* as it has
vCPUs, of which there are two for each CPU. Seats are locks on files of this user's: they are free
again when whoever held them is gone.

The files lie in a directory below the temporary one, which does not depend on $HOME or $XDG_*: a
service and a shell of one user share it. It must be that user's alone.
"""

import fcntl
import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from harness.deadline import Deadline, DeadlineExpired, poll
from harness.errors import HostError
from harness.machine.shape import Accel
from harness.printable import printable

SEATS_PER_CPU = 2
_LIMIT = 6 * 3600.0  # s; the guests before have deadlines of their own
_EVERY = 0.1  # s
_SAY_AFTER, _SAY_AGAIN = 2.0, 600.0  # s
_NEXT = "next"
_HOLDER_BYTES = 300

Say = Callable[[str], None]


def to_stderr(text: str) -> None:
    """Say on standard error that a guest waits."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def turn(
    vcpus: int, accel: Accel, directory: Path | None = None, say: Say = to_stderr
) -> Iterator[None]:
    """Wait until there are CPUs for a guest, and keep them until left.

    :param directory: Where the seats are; :func:`seats_directory` if not given.
    :param say: Called with a line when the guest has to wait, and again at long intervals.
    :raise HostError: When no seat can be had, or the directory is not this user's alone.
    """
    if accel is not Accel.TCG:
        yield
        return
    with ExitStack() as stack:
        room = _Room(stack, directory or seats_directory(), say)
        room.gather(vcpus)
        yield


def seats_directory() -> Path:
    """Return where the seats of this user are."""
    return Path(tempfile.gettempdir()) / f"hibtest-seats-{os.getuid()}"


class _Room:
    """The seats, as one guest that wants some sees them."""

    def __init__(self, stack: ExitStack, path: Path, say: Say) -> None:
        self._stack, self._path, self._say = stack, path, say
        self._seats = SEATS_PER_CPU * (os.cpu_count() or 1)
        self._fd = _open_directory(path)
        self._say_at = time.monotonic() + _SAY_AFTER
        stack.callback(os.close, self._fd)

    def gather(self, vcpus: int) -> None:
        """Take the seats of a guest; they are given back when the stack is left."""
        wanted = min(vcpus, self._seats)
        deadline = Deadline.after(_LIMIT, f"{wanted} of {self._seats} seats for a guest")
        try:
            # Only one gathers at a time: two that have half of theirs would wait for ever.
            with ExitStack() as gathering:
                poll(
                    lambda: self._take(_NEXT, gathering) or self._not_yet(), deadline, every=_EVERY
                )
                for _ in range(wanted):
                    poll(lambda: self._any() or self._not_yet(), deadline, every=_EVERY)
        except DeadlineExpired as error:
            hint = "end one of these, or wait"
            raise HostError(
                f"{deadline.what}: none after 6 h; {self._held()}", hint=hint
            ) from error

    def _any(self) -> bool | None:
        names = (f"seat-{number}" for number in range(self._seats))
        return any(self._take(name, self._stack) for name in names) or None

    def _take(self, name: str, stack: ExitStack) -> bool | None:
        fd = self._open(name)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        stack.callback(os.close, fd)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()} {_command()}".encode()[:_HOLDER_BYTES], 0)
        return True

    def _open(self, name: str) -> int:
        # O_NONBLOCK: a FIFO does not keep us; O_NOFOLLOW: a link leads nowhere
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            fd = os.open(name, flags, 0o600, dir_fd=self._fd)
        except OSError as error:
            raise _unusable(self._path / name, str(error.strerror)) from error
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
            os.close(fd)
            raise _unusable(self._path / name, "is not a regular file of this user's")
        return fd

    def _not_yet(self) -> bool | None:
        if time.monotonic() >= self._say_at:
            self._say_at = time.monotonic() + _SAY_AGAIN
            self._say(f"waiting for CPUs: {self._held()}")
        return None

    def _held(self) -> str:
        names = (_NEXT, *(f"seat-{number}" for number in range(self._seats)))
        held = [holder for name in names if (holder := self._holder(name))]
        mine = f"{os.getpid()} "
        others = dict.fromkeys(f"process {h}" for h in held if not h.startswith(mine))
        return f"seats in {self._path} are held by {', '.join(others) or 'somebody unknown'}"

    def _holder(self, name: str) -> str | None:
        """Return who holds a seat: what it wrote, if it still lives."""
        fd = self._open(name)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(fd, _HOLDER_BYTES, 0).decode(errors="replace")
        else:
            return None
        finally:
            os.close(fd)
        pid = text.partition(" ")[0]
        alive = pid.isascii() and pid.isdigit() and Path("/proc", pid).exists()
        return printable(text) if alive else None


def _open_directory(path: Path) -> int:
    try:
        path.mkdir(mode=0o700, exist_ok=True)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise _unusable(path, str(error.strerror)) from error
    try:
        _check(path, os.fstat(fd))
    except HostError:
        os.close(fd)
        raise
    return fd


def _check(path: Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISDIR(status.st_mode):
        raise _unusable(path, "is not a directory")
    if status.st_uid != os.getuid():
        raise _unusable(path, f"belongs to user {status.st_uid}, not to {os.getuid()}")
    if mode != 0o700:
        raise _unusable(path, f"has mode {mode:04o} instead of 0700")


def _unusable(path: Path, why: str) -> HostError:
    hint = "remove it, or set TMPDIR to a directory of yours"
    return HostError(f"seats for emulated guests: {path}: {why}", hint=hint)


def _command() -> str:
    return " ".join(sys.argv)
