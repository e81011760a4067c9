"""A silent guest is remarked once for each silence."""

import pytest

from hibtest.cycle import silence
from hibtest.cycle.silence import Silence


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)
    return clock


def test_it_is_remarked_once(clock: Clock) -> None:
    quiet = Silence()
    clock.now += silence.SECONDS - 1
    assert (quiet.is_long(), quiet.left()) == (False, 1.0)
    clock.now += 1
    assert quiet.is_long()
    assert (quiet.is_long(), quiet.left()) == (False, None)


def test_and_again_after_a_line(clock: Clock) -> None:
    quiet = Silence()
    clock.now += silence.SECONDS
    assert quiet.is_long()
    quiet.broken()
    assert quiet.left() == silence.SECONDS
    clock.now += silence.SECONDS
    assert quiet.is_long()
