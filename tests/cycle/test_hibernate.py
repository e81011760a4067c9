"""The order to hibernate, and what is seen after it, with a guest that is only pretended."""

from collections import Counter
from collections.abc import Callable
from typing import TypeVar, cast

import pytest

from hibtest.cycle.hibernate import Order, Seen, follow
from hibtest.cycle.watch import Watch
from hibtest.deadline import Deadline, DeadlineExpired, poll
from hibtest.errors import GuestError
from hibtest.evidence import Exit, Mark
from hibtest.reach.shell import Shell
from hibtest.spec import KernelMethod

T = TypeVar("T")
METHOD = KernelMethod()
BACK = Mark(
    name="returned", t=1.0, line="hibtest: hibernate platform returned 16 EBUSY busy (state)"
)


class _Shell:
    """A guest that takes an order, or raises this."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.orders: list[str] = []

    def run(self, command: str, _deadline: Deadline) -> None:
        self.orders.append(command)
        if self.error is not None:
            raise self.error


class _Watch:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.exit: Exit | None = None

    def ended(self) -> Exit | None:
        return self.exit

    def count(self, name: str) -> int:
        return self.counts[name]

    def seen(self, name: str) -> Mark | None:
        return BACK if self.counts[name] else None

    def until(self, fact: Callable[[], T | None], what: str) -> T:
        return poll(fact, Deadline.after(5, what), every=0.01)


def _follow(watch: _Watch, shell: _Shell) -> tuple[bool, int | None]:
    before = Seen(begins=0, returned=0)
    order = Order(METHOD.mode, cast(Shell, shell), Deadline.after(5, "the order"))
    followed = follow(METHOD, cast(Watch, watch), before, order)
    return followed.off, followed.attempt.errno


def test_the_power_goes_off() -> None:
    watch, shell = _Watch(), _Shell()
    watch.exit = Exit(returncode=0)
    assert _follow(watch, shell) == (True, None)
    assert shell.orders == ["echo platform > /run/hibtest/hibernate"]


def test_an_errno_comes_back() -> None:
    watch = _Watch()
    watch.counts.update(["begins", "returned"])
    assert _follow(watch, _Shell()) == (False, 16)


@pytest.mark.parametrize(
    "error", [GuestError("no such FIFO"), DeadlineExpired(Deadline.after(0, "the order"))]
)
def test_an_order_that_was_not_taken_is_no_hang(error: Exception) -> None:
    with pytest.raises(type(error)):
        _follow(_Watch(), _Shell(error))


def test_a_session_that_dies_after_the_order_was_taken_does_not_matter() -> None:
    watch = _Watch()
    watch.counts.update(["begins", "returned"])
    assert _follow(watch, _Shell(GuestError("the connection was lost"))) == (False, 16)


class _SlowWatch(_Watch):
    """A machine that ends when it was looked at for a while."""

    looks = 0

    def ended(self) -> Exit | None:
        self.looks += 1
        return Exit(returncode=0) if self.looks > 20 else None


def test_an_order_that_was_taken_is_followed_however_long_nothing_comes_of_it() -> None:
    assert _follow(_SlowWatch(), _Shell()) == (True, None)


def test_so_it_is_when_its_session_dies_in_the_meantime() -> None:
    watch = _SlowWatch()
    watch.counts.update(["begins"])
    assert _follow(watch, _Shell(GuestError("the connection was lost"))) == (True, None)
