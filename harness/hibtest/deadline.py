"""Deadlines, and the only place that sleeps.

A :class:`Deadline` is made once, where a limit is known, and passed down to whatever waits::

    deadline = Deadline.after(20, "the guest's SSH server")
    port = poll(lambda: find_port(monitor), deadline)
"""

import select
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from hibtest.errors import HibtestError

T = TypeVar("T")


class DeadlineExpired(HibtestError):
    """A fact that was waited for did not come in time.

    :param deadline: The deadline that passed.
    """

    def __init__(self, deadline: "Deadline") -> None:
        super().__init__(f"{deadline.what} did not come within {deadline.limit:.0f} s")
        self.deadline = deadline


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment until which one named fact is waited for.

    :ivar what: The fact, as it reads before "did not come within N s".
    :ivar limit: Seconds that were given.
    :ivar start: ``time.monotonic()`` of its making.
    """

    what: str
    limit: float
    start: float

    @classmethod
    def after(cls, seconds: float, what: str) -> "Deadline":
        """Return a deadline ``seconds`` from now."""
        return cls(what, seconds, time.monotonic())

    @property
    def elapsed(self) -> float:
        """Seconds since this deadline was made."""
        return time.monotonic() - self.start

    @property
    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.limit - self.elapsed)

    @property
    def expired(self) -> bool:
        """Whether no time is left."""
        return self.elapsed >= self.limit

    def check(self) -> None:
        """Raise when no time is left.

        :raise DeadlineExpired: When the deadline has passed.
        """
        if self.expired:
            raise DeadlineExpired(self)


def poll(fact: Callable[[], T | None], deadline: Deadline, *, every: float = 0.05) -> T:
    """Ask for a fact again and again until it is there.

    The fact is asked for once more after the deadline has passed, so that the error it may
    raise is the one that is seen.

    :param fact: Returns the fact, or ``None`` while it is not there yet.
    :param every: Seconds between two questions.
    :raise DeadlineExpired: When the fact is still ``None`` at the deadline.
    """
    while True:
        late = deadline.expired
        value = fact()
        if value is not None:
            return value
        if late:
            raise DeadlineExpired(deadline)
        time.sleep(min(every, deadline.remaining))


def wait_readable(fds: Iterable[int], deadline: Deadline) -> list[int]:
    """Wait until one of the file descriptors can be read, or the deadline has passed.

    :return: The descriptors that can be read (or have hung up); empty at the deadline.
    """
    poller = select.poll()
    for fd in fds:
        poller.register(fd, select.POLLIN)
    return [fd for fd, _ in poller.poll(deadline.remaining * 1000)]
