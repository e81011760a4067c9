"""Breakpoints and what is done at them, with a debugger that is only pretended."""

import os
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from hibtest.cycle.proof.stops import Stops
from hibtest.deadline import Deadline, DeadlineExpired
from hibtest.errors import QemuError
from hibtest.machine.breakpoint import Debugger, Stop
from hibtest.machine.registers import Registers
from hibtest.machine.rsp import StubGone

HIT = Stop(thread=1, signal=5)
REGISTERS = Registers(*range(33))  # rip is 16


class _Debugger:
    def __init__(self) -> None:
        self.stop: Stop | None = None
        self.said: list[str] = []
        self.error: Callable[[], Exception] | None = None
        self.fd = os.eventfd(0)

    def fileno(self) -> int:
        return self.fd

    def stopped(self) -> Stop | None:
        if self.error is not None:
            raise self.error()
        return self.stop

    def pause(self, _deadline: Deadline) -> Stop:
        if self.error is not None:
            raise self.error()
        self.stop = self.stop or Stop(thread=1, signal=2)
        return self.stop

    def resume(self, _deadline: Deadline) -> None:
        self.said.append("runs")
        self.stop = None

    def stop_at(self, address: int, _deadline: Deadline) -> None:
        self.said.append(f"set {address}")

    def clear(self, address: int, _deadline: Deadline) -> None:
        self.said.append(f"clear {address}")

    def registers(self, _deadline: Deadline) -> Registers:
        return REGISTERS


@pytest.fixture
def debugger() -> Iterator[_Debugger]:
    debugger = _Debugger()
    yield debugger
    os.close(debugger.fd)


@pytest.fixture
def stops(debugger: _Debugger) -> Stops:
    return Stops(cast(Debugger, debugger))


def test_a_running_guest_runs_on_with_its_breakpoint(debugger: _Debugger, stops: Stops) -> None:
    stops.add(16, lambda _: None)
    stops.poll()
    assert debugger.said == ["set 16", "runs"]


def test_what_is_to_be_done_is_done_once_per_stop(debugger: _Debugger, stops: Stops) -> None:
    seen: list[int] = []
    stops.add(16, lambda registers: seen.append(registers.rip))
    debugger.stop = HIT
    stops.poll()
    stops.poll()
    assert seen == [16]
    assert debugger.said == ["set 16", "runs", "runs"]


def test_an_action_may_take_its_breakpoint_away(debugger: _Debugger, stops: Stops) -> None:
    stops.add(16, lambda _: stops.drop(16))
    debugger.stop = HIT
    stops.poll()
    stops.drop(16)
    assert debugger.said == ["set 16", "runs", "clear 16", "runs"]


def test_a_machine_that_cannot_go_on_is_left_alone(debugger: _Debugger, stops: Stops) -> None:
    debugger.stop = Stop(thread=1, signal=23)
    stops.poll()
    assert debugger.said == []


def test_the_end_of_the_machine_ends_the_stops(debugger: _Debugger, stops: Stops) -> None:
    debugger.error = StubGone
    stops.add(16, lambda _: None)
    stops.poll()
    assert stops.over is True


def test_a_stub_that_is_stuck_is_qemus_trouble(debugger: _Debugger, stops: Stops) -> None:
    debugger.error = lambda: DeadlineExpired(Deadline.after(0, "an answer"))
    with pytest.raises(QemuError, match="QEMU is stuck"):
        stops.poll()
    assert stops.over is False
