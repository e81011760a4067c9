"""Guests that carry out cases: which one gets a case, and which cases no guest gets.

The guests are only pretended; scenarios/test_snapshot_device.py has real ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hibtest.errors import GuestError
from hibtest.events import Event, Waiting
from hibtest.evidence import Host
from hibtest.snapshotdev import Case, guest, objection
from hibtest.snapshotdev.guest import DeviceGuests, Shelf
from tests.cycle.jobs import files_in

LACKS = {"SECRETMEM": "memfd_secret: Function not implemented"}


@dataclass
class Pretended:
    """Guests that answer 0 to every step of a case, and EIO to those of one called bad.

    :ivar asked: The cases that came, each with the number of its guest.
    """

    guests: DeviceGuests
    asked: list[tuple[int, str]]
    booted: int = 0

    def boot(self) -> Any:
        """Stand for the start of a guest."""
        self.booted += 1
        self.guests._lacks = dict(LACKS)
        watch = SimpleNamespace(pump=lambda: None, record=SimpleNamespace(marks=[]))
        return SimpleNamespace(run=SimpleNamespace(watch=watch))

    def ask(self, _guest: Any, case: Case, said: Any) -> tuple[str, tuple[str, ...]]:
        """Stand for a case in a guest."""
        self.asked.append((self.booted, case.name))
        said.answers += ["EIO" if case.name == "bad" else 0 for _ in case.steps]
        return "ok", ()


@pytest.fixture
def pretended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretended:
    host = Host(qemu="", accel="tcg", accel_reason="")
    shelf = Shelf(
        files=files_in(tmp_path), qemu="", host=host, directory=tmp_path, sink=lambda _: None
    )
    guests = DeviceGuests(shelf)
    found = Pretended(guests, [])
    monkeypatch.setattr(guest, "_ask", found.ask)
    monkeypatch.setattr(DeviceGuests, "_boot", lambda _: found.boot())
    return found


def case(name: str, *needs: str) -> Case:
    return Case(name=name, source="", steps=(("open r", 0),), needs=needs)


def test_cases_that_go_as_expected_share_a_guest(pretended: Pretended) -> None:
    for name in ("a", "b"):
        one = case(name)
        assert objection(one, pretended.guests.carry_out(one)) == ""
    assert pretended.asked == [(1, "a"), (1, "b")]


def test_after_one_that_went_wrong_the_next_gets_another_guest(pretended: Pretended) -> None:
    """What it left behind, such as a slot of the swap, would fail those after it."""
    wrong = case("bad")
    assert "found EIO" in objection(wrong, pretended.guests.carry_out(wrong))
    pretended.guests.carry_out(case("a"))
    pretended.guests.carry_out(case("b"))
    assert pretended.asked == [(1, "bad"), (2, "a"), (2, "b")]


def test_a_case_that_needs_what_the_kernel_lacks_is_not_carried_out(pretended: Pretended) -> None:
    answers = pretended.guests.carry_out(case("secret", "BUG", "SECRETMEM"))
    assert answers.inapplicable == (
        "CONFIG_SECRETMEM is off (memfd_secret: Function not implemented)"
    )
    pretended.guests.carry_out(case("a", "BUG"))
    assert pretended.asked == [(1, "a")]


def test_a_guest_that_waits_for_a_cpu_says_so_where_its_events_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Event] = []

    def kept(_lab: object, say: Callable[[str], None]) -> None:
        say("waiting for a CPU: held by process 7")
        raise GuestError("enough")

    monkeypatch.setattr(guest, "kept", kept)
    host = Host(qemu="", accel="tcg", accel_reason="")
    shelf = Shelf(
        files=files_in(tmp_path), qemu="", host=host, directory=tmp_path, sink=heard.append
    )
    with pytest.raises(GuestError, match="enough"):
        DeviceGuests(shelf).carry_out(case("one"))
    (event,) = heard
    assert isinstance(event, Waiting)
    assert event.text == "waiting for a CPU: held by process 7"
