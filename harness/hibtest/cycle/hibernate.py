"""The order to hibernate, followed until the power is off or an errno comes back."""

import shlex
import threading
from dataclasses import dataclass

from hibtest import story
from hibtest.cycle import agent
from hibtest.cycle.watch import Watch
from hibtest.deadline import Deadline, DeadlineExpired
from hibtest.errors import GuestError, HibtestError
from hibtest.evidence import Attempt, Mark
from hibtest.reach.shell import Shell
from hibtest.spec import AgentMethod, Method, Stage

_FIFO = "/run/hibtest/hibernate"


class Order:
    """The order to hibernate, on its way to the guest's hibernator (hibtest/probe).

    It is given in a thread of its own: the guest may freeze before it has told that it took the
    order, and, when it is stopped at a breakpoint, waits for us.
    """

    def __init__(self, words: str, shell: Shell, deadline: Deadline) -> None:
        self._command = f"echo {shlex.quote(words)} > {_FIFO}"
        self._shell = shell
        self._deadline = deadline
        self._error: HibtestError | None = None
        self._thread = threading.Thread(target=self._give, name="order", daemon=True)
        self._thread.start()

    def _give(self) -> None:
        try:
            self._shell.run(self._command, self._deadline)
        except (GuestError, DeadlineExpired) as error:
            self._error = error

    def check(self) -> None:
        """Raise why the order did not reach the guest, if it is known not to have.

        :raise GuestError: When the guest would not take it, or cannot be reached.
        :raise DeadlineExpired: When it could not be given in time.
        """
        if not self._thread.is_alive() and self._error is not None:
            raise self._error


def start(method: Method, target: str, shell: Shell, watch: Watch, deadline: Deadline) -> Order:
    """Tell the guest to hibernate; returns at once.

    :param target: Where the agent writes to, as it takes it.
    """
    if isinstance(method, AgentMethod):
        watch.enter(Stage.STOP)
        return Order(" ".join(agent.save_words(method, target)), shell, deadline)
    watch.enter(Stage.FREEZE)
    words = f"{method.mode} {method.pm_test}" if method.rehearses else method.mode
    return Order(words, shell, deadline)


def returned(mark: Mark) -> Attempt:
    """Return the attempt that a ``returned`` mark tells of."""
    back = story.returned(mark.line)
    if back is None:
        raise ValueError(mark)
    return Attempt(mode=back.mode, errno=back.errno, detail=back.text)


@dataclass(frozen=True, slots=True)
class Seen:
    """How often a boot has begun to hibernate, and how often the write has returned in it."""

    begins: int
    returned: int

    @classmethod
    def of(cls, watch: Watch) -> "Seen":
        """Count what has been seen until now."""
        return cls(begins=watch.count("begins"), returned=watch.count("returned"))


@dataclass(frozen=True, slots=True)
class Followed:
    """How a hibernation went on: ``off`` when the machine ended."""

    off: bool
    attempt: Attempt


def follow(method: Method, watch: Watch, before: Seen, order: Order) -> Followed:
    """Wait until the machine has ended or the write has returned in this very life.

    :param before: What this boot had seen before the attempt.
    :raise Stalled: When neither happens in time.
    :raise GuestError: When the guest never took the order.
    :raise DeadlineExpired: When it could not be given in time.
    """

    def fact() -> Followed | None:
        if watch.ended() is not None:
            return Followed(off=True, attempt=Attempt(mode=method.mode))
        mark = watch.seen("returned")
        if mark is not None and watch.count("returned") > before.returned:
            return Followed(off=False, attempt=returned(mark))
        if watch.count("begins") == before.begins:
            order.check()
        return None

    return watch.until(fact, "power-off or an error")
