"""What guests do in the boots of a run: tests/cycle/pretend.py has the machines."""

from dataclasses import replace

import pytest

from hibtest.cycle.budget import Budget
from hibtest.evidence import Boot
from hibtest.spec import CutPower, Fault, Scenario, Stage
from hibtest.spec.fault import Moment
from tests.cycle.jobs import ONE
from tests.cycle.pretend import AUDIT, BEGINS, Machine, Scene, log

SIGNED = 4086  # byte of the swap's header at which S1SUSPEND begins
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


def cut(when: Moment) -> Scenario:
    """Return a scenario in which the power is cut."""
    return replace(ONE, faults=(Fault(when=when, what=CutPower()),))


def saves_until(line: str, *, kernel: str = "trixie", **event: str) -> Scene:
    """Boot afresh; told to hibernate, come as far as a line, and then to a write that fails."""

    def scene(machine: Machine) -> None:
        machine.prints(*log(kernel, "save", until=BEGINS))

        def hibernates(_words: str) -> None:
            machine.prints(*log(kernel, "save", since=BEGINS, until=line))
            if event:
                machine.tells(
                    "BLOCK_IO_ERROR", **{key.replace("_", "-"): event[key] for key in event}
                )

        machine.hibernates = hibernates

    return scene


def struck(boot: Boot) -> list[tuple[str, Stage]]:
    """Return the words of what struck in a boot, and the stages."""
    return [(strike.fault.words, strike.stage) for strike in boot.struck]
