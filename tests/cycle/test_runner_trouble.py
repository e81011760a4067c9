"""Guests that panic, hang, are lost or talk nonsense, and a QEMU that dies: whose fault it is."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.deadline import Deadline, DeadlineExpired
from hibtest.evidence import Evidence
from hibtest.spec import Outcome, Stage
from hibtest.verdict import Verdict
from tests.cycle.jobs import NO_SWAP, ONE
from tests.cycle.pretend import BEGINS, Machine, Scene, log
from tests.cycle.scenes import PANIC, hurry, panics, refuses, resumes, saves, starts

Runs = Callable[..., tuple[Evidence, Verdict]]
TWICE = replace(ONE, lives=2)


def _roles(evidence: Evidence) -> list[str]:
    return [one.directory for one in evidence.boots]


@pytest.mark.parametrize(
    ("scenes", "where", "cause"),
    [
        ((panics(saves()),), "save", Stage.FREEZE),
        ((panics(saves(), when="at once"),), "save", Stage.BOOT),
        ((saves(), panics(resumes(), when="at once")), "resume", Stage.BOOT),
        ((saves(), resumes(), panics(starts(), when="at once")), "cold", Stage.BOOT),
        ((saves(), panics(resumes())), "resume", Stage.FREEZE),
        ((saves(), panics(resumes(), when="check")), "resume", Stage.WITNESS),
        ((panics(saves(), when="plant"),), "save", Stage.PREPARE),
    ],
    ids=[
        "hibernates",
        "boots",
        "resumes",
        "starts again",
        "hibernates again",
        "is looked at",
        "is prepared",
    ],
)
def test_a_panic_ends_the_run(
    runs: Runs, scenes: tuple[Scene, ...], where: str, cause: str
) -> None:
    again = where == "resume" and cause is Stage.FREEZE
    evidence, verdict = runs(TWICE if again else ONE, *scenes)
    assert (verdict.outcome, verdict.cause) == (Outcome.PANIC, cause), verdict
    assert _roles(evidence)[-1] == where
    assert evidence.boots[-1].panic == PANIC
    assert evidence.boots[-1].last_lines[-1] == PANIC


def test_a_guest_that_stands_still_in_its_save_has_hung(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scene(machine: Machine) -> None:
        saves()(machine)
        lines = log("trixie", "save", since=BEGINS, until="Image saving done")
        machine.hibernates = lambda _: machine.prints(*lines)

    hurry(monkeypatch, Stage.WRITE)
    evidence, verdict = runs(ONE, scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.HUNG, Stage.WRITE)
    (save,) = evidence.boots
    assert save.hang
    assert save.hang.what == "power-off or an error"
    assert save.exit
    assert save.exit.returncode is None


def test_a_guest_that_stands_still_in_its_resume_has_hung_and_no_cold_boot_comes(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scene(machine: Machine) -> None:
        machine.prints(*log("trixie", "resume", until="Image loading done"))

    hurry(monkeypatch, Stage.LOAD)
    evidence, verdict = runs(ONE, saves(), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.HUNG, Stage.LOAD)
    assert _roles(evidence) == ["save", "resume"]


def _unreachable(scene: Scene, command: str, told: list[Machine] | None = None) -> Scene:
    def lost(machine: Machine) -> None:
        scene(machine)
        machine.lost = (command,)
        if told is not None:
            told.append(machine)

    return lost


@pytest.mark.parametrize("command", ["plant", "/run/hibtest/hibernate"])
def test_a_shell_that_is_lost_before_a_hibernation_is_ours(runs: Runs, command: str) -> None:
    evidence, verdict = runs(ONE, _unreachable(saves(), command))
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "GuestError")
    assert evidence.trouble
    assert evidence.boots == ()


@pytest.mark.parametrize("command", ["check", "audit"])
def test_a_guest_that_cannot_be_reached_after_its_resume_has_hung(runs: Runs, command: str) -> None:
    machines: list[Machine] = []
    evidence, verdict = runs(ONE, saves(), _unreachable(resumes(), command, machines))
    assert (verdict.outcome, verdict.cause) == (Outcome.HUNG, Stage.WITNESS)
    assert evidence.boots[1].hang
    assert evidence.boots[1].hang.what == "the connection to the guest was lost"
    assert machines[0].commands.count(command) == 1


def _breaks(scene: Scene, *commands: str, dies: bool = False) -> Scene:
    """The connection breaks at these commands, one after the other, and with it the machine."""

    def breaks(machine: Machine) -> None:
        scene(machine)
        machine.breaks = [*commands]
        if dies:
            machine.when[commands[0]] = lambda: machine.ends(-6)

    return breaks


@pytest.mark.parametrize("command", ["check", "audit"])
def test_a_connection_that_breaks_says_nothing_of_the_guest(runs: Runs, command: str) -> None:
    """Another is made, and all is looked at by that."""
    evidence, verdict = runs(ONE, saves(), _breaks(resumes(), command), starts())
    assert verdict.outcome is Outcome.RESUMED, verdict
    assert [one.name for one in evidence.boots[1].witnesses] == ["eventfd"]
    assert len(evidence.boots[1].audits) == 2


def test_so_it_is_when_the_guest_has_refused(runs: Runs) -> None:
    evidence, verdict = runs(NO_SWAP, _breaks(refuses, "check"))
    assert (verdict.outcome, verdict.cause) == (Outcome.REFUSED, "ENODEV"), verdict
    assert evidence.boots[0].witnesses


def test_another_connection_is_made_once(runs: Runs) -> None:
    evidence, verdict = runs(ONE, saves(), _breaks(resumes(), "check", "check"))
    assert (verdict.outcome, verdict.cause) == (Outcome.HUNG, Stage.WITNESS)
    assert evidence.boots[1].hang
    assert evidence.boots[1].hang.what == "the connection broke"


def test_none_is_made_to_a_machine_that_is_gone(runs: Runs) -> None:
    machines: list[Machine] = []

    def scene(machine: Machine) -> None:
        machines.append(machine)
        _breaks(refuses, "check", "check", dies=True)(machine)

    evidence, verdict = runs(NO_SWAP, scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "qemu-died")
    assert evidence.boots[0].hang is None
    assert machines[0].commands.count("check") == 1


def test_a_guest_that_has_refused_and_powers_off_then_has_not_hibernated(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        refuses(machine)
        machine.when["check"] = lambda: machine.powers_off(signs=False)
        machine.lost = ("check",)

    evidence, _ = runs(NO_SWAP, scene)
    assert _roles(evidence) == ["save"]


def test_a_connection_that_breaks_before_the_hibernation_is_ours(runs: Runs) -> None:
    evidence, verdict = runs(ONE, _breaks(saves(), "plant"))
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "GuestError")
    assert evidence.boots == ()


def test_a_guest_that_cannot_be_reached_in_the_cold_boot_has_hung(runs: Runs) -> None:
    evidence, verdict = runs(ONE, saves(), resumes(), _unreachable(starts(), "boot_id"))
    assert (verdict.outcome, verdict.cause) == (Outcome.HUNG, Stage.WITNESS)
    assert _roles(evidence) == ["save", "resume", "cold"]


@pytest.mark.parametrize("dies", [1, 2, 3])
def test_the_death_of_qemu_says_nothing_of_the_kernel(runs: Runs, dies: int) -> None:
    def dead(machine: Machine) -> None:
        machine.prints("hibtest: early")
        machine.ends(-6)

    scenes = (saves(), resumes(), starts())
    evidence, verdict = runs(ONE, *scenes[: dies - 1], dead)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "qemu-died")
    assert evidence.boots[-1].exit
    assert evidence.boots[-1].exit.returncode == -6


def test_a_qemu_that_dies_while_it_hibernates_has_left_nothing_to_resume(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        saves()(machine)

        def dies(_words: str) -> None:
            machine.prints(*log("trixie", "save", since=BEGINS, until="Image saving done"))
            machine.ends(-6)

        machine.hibernates = dies

    evidence, verdict = runs(ONE, scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "qemu-died")
    assert _roles(evidence) == ["save"]
    assert evidence.boots[0].attempt


def test_an_answer_that_is_none_is_damage_after_a_hibernation(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        resumes()(machine)
        machine.answers.check = {"witnesses": 7}

    evidence, verdict = runs(ONE, saves(), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "witness-answer"), verdict
    assert "the probe answered" in evidence.boots[1].garbled
    assert _roles(evidence) == ["save", "resume"]


def test_so_it_is_when_the_guest_has_refused_it(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        refuses(machine)
        machine.answers.check = {"witnesses": 7}

    evidence, verdict = runs(NO_SWAP, scene)
    assert verdict.outcome is Outcome.CORRUPT, verdict
    assert "the probe answered" in evidence.boots[0].garbled


def test_a_guest_that_answers_too_late_has_hung_after_that_time(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        resumes()(machine)

        def late() -> None:
            raise DeadlineExpired(Deadline.after(7.0, "the look at the witnesses"))

        machine.when["check"] = late

    evidence, verdict = runs(ONE, saves(), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.HUNG, Stage.WITNESS)
    hang = evidence.boots[1].hang
    assert hang
    assert (hang.what, hang.limit) == ("the look at the witnesses", 7.0)
    assert evidence.boots[1].panic == ""
    assert evidence.boots[1].last_lines == ()


def test_an_answer_that_is_none_is_ours_before_one(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        saves()(machine)
        machine.answers.plant = {"witnesses": 7}

    evidence, verdict = runs(ONE, scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "GuestError")
    assert evidence.boots == ()


def test_what_is_broken_after_the_resume_is_corrupt_and_nothing_more_is_booted(
    runs: Runs,
) -> None:
    def scene(machine: Machine) -> None:
        resumes()(machine)
        machine.answers.broken = ("loop",)

    evidence, verdict = runs(ONE, saves(), scene)
    assert verdict.outcome is Outcome.CORRUPT
    assert [one.ok for one in evidence.boots[1].audits] == [True, False]


def test_a_guest_that_does_not_get_ready_after_its_resume_is_the_kernels(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        machine.prints("hibtest: early", "hibtest: failed: root cannot be mounted")
        machine.tells("SHUTDOWN", guest=True, reason="guest-shutdown")
        machine.ends()

    _, verdict = runs(ONE, saves(), resumes(), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "start-failed")


def test_nothing_proved_where_a_proof_was_asked_for_is_invalid(runs: Runs) -> None:
    _, verdict = runs(ONE, saves(), resumes(), starts(), proof=True)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "not-proven")


def test_a_mkswap_that_fails_is_this_hosts(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "mkswap"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho no such label >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    evidence, verdict = runs(ONE)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "HostError")
    assert evidence.trouble
    assert evidence.trouble.message.endswith("no such label")
