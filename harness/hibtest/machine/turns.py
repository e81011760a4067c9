"""Emulated guests take turns for this host's CPUs, whoever runs them.

QEMU emulates all vCPUs of a guest in one thread (hibtest/machine/argv.py), which takes a CPU while
the guest runs. More guests than CPUs wait for each other, and where they have to wait much they
stand still or panic while they boot. So a guest takes a *seat*, of which there is one for each
CPU. Seats are locks on files of this user's: they are free again when whoever held them is gone.
Whoever came first gets the next one (hibtest/machine/queue.py).

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

from hibtest.deadline import Deadline, DeadlineExpired, poll
from hibtest.errors import HostError
from hibtest.machine.queue import is_first, standing_in
from hibtest.machine.shape import Accel
from hibtest.printable import printable

_LIMIT = 6 * 3600.0  # s; the guests before have deadlines of their own
_EVERY = 0.1  # s
_SAY_AFTER, _SAY_AGAIN = 2.0, 600.0  # s
_HOLDER_BYTES = 300

Say = Callable[[str], None]


def to_stderr(text: str) -> None:
    """Say on standard error that a guest waits."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def turn(accel: Accel, directory: Path | None = None, say: Say = to_stderr) -> Iterator[None]:
    """Wait until there is a CPU for a guest, and keep it until left.

    :param directory: Where the seats are; :func:`seats_directory` if not given.
    :param say: Called with a line when the guest has to wait, and again at long intervals.
    :raise HostError: When no seat can be had, or the directory is not this user's alone.
    """
    if accel is not Accel.TCG:
        yield
        return
    with ExitStack() as stack:
        _Room(stack, directory or seats_directory(), say).sit_down()
        yield


def seats() -> int:
    """Return how many emulated guests this host has CPUs for."""
    return os.cpu_count() or 1


def seats_directory() -> Path:
    """Return where the seats of this user are."""
    return Path(tempfile.gettempdir()) / f"hibtest-seats-{os.getuid()}"


def holders(directory: Path | None = None) -> tuple[str, ...]:
    """Return who holds seats, each as ``PID COMMAND``; nothing is made.

    :param directory: As for :func:`turn`.
    :raise HostError: When the directory, or a seat in it, is not this user's alone.
    """
    path = directory or seats_directory()
    if not os.path.lexists(path):
        return ()
    with ExitStack() as stack:
        return _Room(stack, path, to_stderr).holders()


class _Room:
    """The seats, as one guest that wants one sees them."""

    def __init__(self, stack: ExitStack, path: Path, say: Say) -> None:
        self._stack, self._path, self._say = stack, path, say
        self._names = [f"seat-{number}" for number in range(seats())]
        self._fd = _open_directory(path)
        self._say_at = time.monotonic() + _SAY_AFTER
        stack.callback(os.close, self._fd)

    def sit_down(self) -> None:
        """Take a seat; it is given back when the stack is left."""
        deadline = Deadline.after(_LIMIT, f"one of {len(self._names)} seats for a guest")
        try:
            with standing_in(self._fd) as place:
                poll(lambda: self._next(place) or self._not_yet(), deadline, every=_EVERY)
        except DeadlineExpired as error:
            hint = "end one of these, or wait"
            raise HostError(
                f"{deadline.what}: none after 6 h; {self._held()}", hint=hint
            ) from error
        except OSError as error:
            raise _unusable(self._path, str(error.strerror)) from error

    def _next(self, place: str) -> bool | None:
        """Take a seat if it is our turn: whoever came first is served first."""
        return self._any() if is_first(place, self._fd) else None

    def _any(self) -> bool | None:
        return any(self._take(name) for name in self._names) or None

    def _take(self, name: str) -> bool:
        fd = self._open(name)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._stack.callback(os.close, fd)
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
            self._say(f"waiting for a CPU: {self._held()}")
        return None

    def _held(self) -> str:
        mine = f"{os.getpid()} "
        others = dict.fromkeys(f"process {h}" for h in self.holders() if not h.startswith(mine))
        return f"seats in {self._path} are held by {', '.join(others) or 'somebody unknown'}"

    def holders(self) -> tuple[str, ...]:
        """Return who holds seats."""
        return tuple(holder for name in self._names if (holder := self._holder(name)))

    def _holder(self, name: str) -> str | None:
        """Return who holds a seat: what it wrote, if it still lives."""
        if not os.path.lexists(self._path / name):
            return None
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
    test = os.environ.get("PYTEST_CURRENT_TEST")  # a worker of pytest-xdist is called "-c"
    return f"pytest {test}" if test else " ".join(sys.argv)
