"""What guests do in the boots of a run: tests/cycle/pretend.py has the machines."""

import pytest

from hibtest.cycle.budget import Budget
from hibtest.spec import Stage
from tests.cycle.pretend import AUDIT, BEGINS, Machine, Scene, log

PANIC = "[   50.1] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b"


def saves(kernel: str = "trixie", *, armed: bool = True) -> Scene:
    """Boot afresh, and hibernate when told to."""

    def scene(machine: Machine) -> None:
        machine.prints(*log(kernel, "save", until=BEGINS))

        def hibernates(words: str) -> None:
            assert words == "platform"
            machine.prints(*log(kernel, "save", since=BEGINS))
            machine.powers_off(armed=armed)

        machine.hibernates = hibernates

    return scene


def resumes(kernel: str = "trixie", *, again: bool = False) -> Scene:
    """Resume, and hibernate again when told to."""

    def scene(machine: Machine) -> None:
        machine.signs(b"SWAPSPACE2")
        machine.prints(*log(kernel, "resume", until=AUDIT))

        def hibernates(_words: str) -> None:
            machine.prints(*log(kernel, "resume", since=BEGINS))
            machine.powers_off()

        machine.hibernates = hibernates if again else lambda _: pytest.fail("told to hibernate")

    return scene


def starts(kernel: str = "trixie") -> Scene:
    """Boot afresh, another life."""

    def scene(machine: Machine) -> None:
        machine.boot_id = "second"
        machine.prints(*log(kernel, "save", until=BEGINS))

    return scene


def refuses(machine: Machine) -> None:
    """Boot afresh, and have no swap to hibernate to."""
    machine.prints(*log("trixie", "save", until=BEGINS))
    machine.hibernates = lambda _: machine.prints(*log("trixie", "no-swap", until=AUDIT))


def panics(scene: Scene, *, when: str = "") -> Scene:
    """Do as in another scene, but panic when told to hibernate, at once, or at a command."""

    def panics(machine: Machine) -> None:
        def dies(_words: str = "") -> None:
            machine.prints(PANIC)
            machine.tells("SHUTDOWN", guest=True, reason="guest-reset")
            machine.ends()

        if when == "at once":
            machine.prints("hibtest: early")
            dies()
            return
        scene(machine)
        if when:
            machine.when[when] = dies
            machine.lost = (when,)
        else:
            machine.hibernates = dies

    return panics


def hurry(monkeypatch: pytest.MonkeyPatch, stage: Stage) -> None:
    """Have a stage be too long at once."""
    real = Budget.limit

    def limit(self: Budget, asked: Stage) -> float:
        return 0.05 if asked is stage else real(self, asked)

    monkeypatch.setattr(Budget, "limit", limit)
