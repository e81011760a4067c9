"""When a snapshot's picture is taken: as swsusp_save() returns, and only if it did well."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from hibtest.cycle.proof.kernel import Places
from hibtest.cycle.proof.snapshot import Snapshot, Taker
from hibtest.cycle.proof.stops import Stops
from hibtest.errors import GuestError
from hibtest.machine.process import Machine
from hibtest.machine.registers import Registers
from tests.cycle.proof.breakpoints import Breakpoints

SAVE, CALLER, STACK = 0x1000, 0x2000, 0x9000
PLACES = Places(symbols={"swsusp_save": [(SAVE, SAVE + 64)]}, system_ram=[])
TAKEN = cast(Snapshot, "a picture")
Take = Callable[[Registers], Snapshot]


class _Stops(Breakpoints):
    def word(self, address: int) -> int:
        return {STACK: CALLER}[address]

    def hit(self, address: int, *, rax: int = 0) -> None:
        self.set[address](replace(Registers(*range(33)), rsp=STACK, rax=rax))


@pytest.fixture
def stops() -> _Stops:
    return _Stops()


def _taker(stops: _Stops, take: Take, monkeypatch: pytest.MonkeyPatch) -> Taker:
    monkeypatch.setattr(Taker, "_take", lambda _self, registers: take(registers))
    return Taker(cast(Machine, None), cast(Stops, stops), PLACES, Path())


def test_the_picture_is_taken_as_the_function_returns(
    stops: _Stops, monkeypatch: pytest.MonkeyPatch
) -> None:
    taker = _taker(stops, lambda _: TAKEN, monkeypatch)
    assert (taker.snapshot, taker.lacking) == (None, "swsusp_save() was not called")
    stops.hit(SAVE)
    assert list(stops.set) == [CALLER]
    assert (taker.snapshot, taker.lacking) == (None, "swsusp_save() did not return")
    stops.hit(CALLER)
    assert stops.set == {}
    assert (taker.snapshot, taker.lacking) == (TAKEN, "")


@pytest.mark.parametrize("rax", [0xFFFFFFF4, 0xDEAD_0000_FFFF_FFF4])
def test_an_error_is_no_snapshot(stops: _Stops, rax: int, monkeypatch: pytest.MonkeyPatch) -> None:
    taker = _taker(stops, lambda _: TAKEN, monkeypatch)
    stops.hit(SAVE)
    stops.hit(CALLER, rax=rax)  # an int: the upper half of rax is anything
    assert (taker.snapshot, taker.lacking) == (None, "swsusp_save() returned an error")
    assert stops.set == {}


def test_success_is_an_int_whatever_the_upper_half_of_rax_holds(
    stops: _Stops, monkeypatch: pytest.MonkeyPatch
) -> None:
    taker = _taker(stops, lambda _: TAKEN, monkeypatch)
    stops.hit(SAVE)
    stops.hit(CALLER, rax=0xDEAD_0000_0000_0000)
    assert taker.snapshot == TAKEN


def test_what_the_guest_does_not_tell_is_lacking(
    stops: _Stops, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(_registers: Registers) -> Snapshot:
        raise GuestError("no bitmaps")

    taker = _taker(stops, take, monkeypatch)
    stops.hit(SAVE)
    stops.hit(CALLER)
    assert (taker.snapshot, taker.lacking) == (None, "no bitmaps")


def test_a_guest_that_lives_on_has_no_breakpoint(
    stops: _Stops, monkeypatch: pytest.MonkeyPatch
) -> None:
    _taker(stops, lambda _: TAKEN, monkeypatch).drop()
    assert stops.set == {}


def test_a_kernel_without_the_symbol_has_no_picture(stops: _Stops) -> None:
    with pytest.raises(GuestError, match="symbols swsusp_save, not one"):
        Taker(cast(Machine, None), cast(Stops, stops), Places(), Path())
