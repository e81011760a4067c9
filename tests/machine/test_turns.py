"""Guests take turns for CPUs."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from hibtest.deadline import Deadline, poll
from hibtest.errors import HostError
from hibtest.machine import turns
from hibtest.machine.shape import Accel
from hibtest.machine.turns import seats, turn

SPAWN = multiprocessing.get_context("spawn")


@contextmanager
def all_taken(where: Path) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(seats()):
            stack.enter_context(turn(Accel.TCG, where))
        yield


def _sit(where: Path, sits: Event, leave: Event, alone: bool) -> None:
    with turn(Accel.TCG, where) if alone else all_taken(where):
        sits.set()
        leave.wait(60)


def test_a_guest_waits_until_there_is_a_cpu(tmp_path: Path) -> None:
    sits, leave = SPAWN.Event(), SPAWN.Event()
    leave.set()
    with all_taken(tmp_path):
        other = SPAWN.Process(target=_sit, args=(tmp_path, sits, leave, True))
        other.start()
        assert not sits.wait(1)
    assert sits.wait(60)
    other.join(60)
    assert other.exitcode == 0


def test_whoever_came_first_sits_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seats, order = tmp_path / "seats", tmp_path / "order"
    script = f"""
import os
from pathlib import Path
os.cpu_count = lambda: 1
from hibtest.machine.shape import Accel
from hibtest.machine.turns import turn
with turn(Accel.TCG, Path({str(seats)!r})), Path({str(order)!r}).open("a") as file:
    file.write(os.environ["NUMBER"])
"""
    others = []
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    with turn(Accel.TCG, seats):
        for number in range(4):
            more = {**os.environ, "NUMBER": str(number)}
            others.append(subprocess.Popen([sys.executable, "-c", script], env=more))
            _until_waiting(seats, number + 1)
        assert not order.exists()
    assert [other.wait(60) for other in others] == [0, 0, 0, 0]
    assert order.read_text() == "0123"
    assert _waiting(seats) == []


def _until_waiting(where: Path, many: int) -> None:
    poll(lambda: len(_waiting(where)) == many or None, Deadline.after(60, "one who waits"))


def _waiting(where: Path) -> list[str]:
    return sorted(path.name for path in where.iterdir() if path.name.startswith("waits-"))


def test_one_that_is_killed_while_it_waits_is_waited_for_by_nobody(tmp_path: Path) -> None:
    left = tmp_path / f"waits-{0:020d}-1"
    tmp_path.chmod(0o700)
    left.touch()
    with turn(Accel.TCG, tmp_path):
        assert not left.exists()


def test_as_many_guests_as_cpus_run_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    with turn(Accel.TCG, tmp_path), turn(Accel.TCG, tmp_path), turn(Accel.TCG, tmp_path):
        assert sorted(path.name for path in tmp_path.iterdir()) == ["seat-0", "seat-1", "seat-2"]


def test_one_that_is_killed_leaves_its_seat(tmp_path: Path) -> None:
    sits, leave = SPAWN.Event(), SPAWN.Event()
    other = SPAWN.Process(target=_sit, args=(tmp_path, sits, leave, False))
    other.start()
    assert sits.wait(60)
    other.kill()
    with all_taken(tmp_path):
        pass
    other.join(60)


def test_with_kvm_nobody_waits(tmp_path: Path) -> None:
    with ExitStack() as stack:
        for _ in range(seats() + 1):
            stack.enter_context(turn(Accel.KVM, tmp_path))
        assert list(tmp_path.iterdir()) == []


def test_who_holds_seats_can_be_asked_and_nothing_is_made(tmp_path: Path) -> None:
    where = tmp_path / "seats"
    assert turns.holders(where) == ()
    assert not where.exists()
    with turn(Accel.TCG, where):
        (holder,) = turns.holders(where)
        assert holder.startswith(f"{os.getpid()} ")
    assert turns.holders(where) == ()


def test_no_room_for_seats_is_the_hosts_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(HostError, match="Not a directory"),
        turn(Accel.TCG, tmp_path / "file" / "seats"),
    ):
        pass


def _refused(where: Path, why: str) -> None:
    with pytest.raises(HostError, match=why) as caught, turn(Accel.TCG, where):
        pass
    assert str(where) in caught.value.message
    assert "TMPDIR" in (caught.value.hint or "")


def test_seats_of_somebody_else_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    _refused(tmp_path, f"belongs to user {owner}, not to {owner + 1}")


def test_seats_that_others_may_enter_are_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    _refused(tmp_path, "has mode 0777 instead of 0700")


def test_a_link_in_place_of_the_seats_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("real")
    _refused(tmp_path / "link", "Not a directory")
    assert list((tmp_path / "real").iterdir()) == []


def test_a_link_in_place_of_a_seat_creates_nothing(tmp_path: Path) -> None:
    (tmp_path / "seats").mkdir(mode=0o700)
    (tmp_path / "seats" / "seat-0").symlink_to(tmp_path / "created")
    _refused(tmp_path / "seats", "symbolic links")
    assert not (tmp_path / "created").exists()


def test_a_fifo_in_place_of_a_seat_keeps_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "seat-0")
    _refused(tmp_path, "not a regular file")


@pytest.mark.parametrize(
    ("current", "holder_is"),
    [({}, "-c a"), ({"PYTEST_CURRENT_TEST": "test_x.py::y (call)"}, "pytest test_x.py::y (call)")],
)
def test_a_wait_is_said_with_who_holds_the_seats(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, current: dict[str, str], holder_is: str
) -> None:
    monkeypatch.setattr(turns, "_SAY_AFTER", 0.0)
    holder = f"""
import sys
from pathlib import Path
from tests.machine.test_turns import all_taken
with all_taken(Path({str(tmp_path)!r})):
    print(flush=True)
    sys.stdin.read()
"""
    said: list[str] = []
    argv = [sys.executable, "-c", holder, "a \x1b run"]
    names = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    environment = {**names, **current}
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, env=environment) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdout.readline()
        stdin = other.stdin

        def say(text: str) -> None:
            said.append(text)
            stdin.close()

        with turn(Accel.TCG, tmp_path, say):
            pass
    assert len(said) == 1
    assert f"process {other.pid} {holder_is}" in said[0]
    assert "\x1b" not in said[0]


def test_seats_that_never_come_are_the_hosts_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_LIMIT", 0.2)
    with (
        all_taken(tmp_path),
        pytest.raises(HostError, match="seats for a guest: none after"),
        turn(Accel.TCG, tmp_path),
    ):
        pass
