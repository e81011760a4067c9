"""Guests take turns for CPUs."""

import multiprocessing
import os
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from harness.errors import HostError
from harness.machine.shape import Accel
from harness.machine.turns import SEATS_PER_CPU, turn

SEATS = SEATS_PER_CPU * (os.cpu_count() or 1)
SPAWN = multiprocessing.get_context("spawn")


def _sit(vcpus: int, where: Path, sits: Event, leave: Event) -> None:
    with turn(vcpus, Accel.TCG, where):
        sits.set()
        leave.wait(60)


def test_a_guest_waits_until_there_are_cpus(tmp_path: Path) -> None:
    sits, leave = SPAWN.Event(), SPAWN.Event()
    leave.set()
    with turn(SEATS, Accel.TCG, tmp_path):
        other = SPAWN.Process(target=_sit, args=(1, tmp_path, sits, leave))
        other.start()
        assert not sits.wait(1)
    assert sits.wait(60)
    other.join(60)
    assert other.exitcode == 0


def test_guests_that_fit_run_side_by_side(tmp_path: Path) -> None:
    sits, leave = SPAWN.Event(), SPAWN.Event()
    other = SPAWN.Process(target=_sit, args=(1, tmp_path, sits, leave))
    with turn(1, Accel.TCG, tmp_path):
        other.start()
        assert sits.wait(60)
    leave.set()
    other.join(60)


def test_one_that_is_killed_leaves_its_seats(tmp_path: Path) -> None:
    sits, leave = SPAWN.Event(), SPAWN.Event()
    other = SPAWN.Process(target=_sit, args=(SEATS, tmp_path, sits, leave))
    other.start()
    assert sits.wait(60)
    other.kill()
    with turn(SEATS, Accel.TCG, tmp_path):
        pass
    other.join(60)


def test_a_large_guest_takes_all_there_are(tmp_path: Path) -> None:
    with turn(SEATS + 8, Accel.TCG, tmp_path):
        assert len(list(tmp_path.glob("seat-*"))) == SEATS


def test_with_kvm_nobody_waits(tmp_path: Path) -> None:
    with turn(SEATS, Accel.KVM, tmp_path), turn(SEATS, Accel.KVM, tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_no_room_for_seats_is_the_hosts_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(HostError, match="Not a directory"),
        turn(1, Accel.TCG, tmp_path / "file" / "seats"),
    ):
        pass
