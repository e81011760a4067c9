"""Faults in runs through machines that are only pretended: when they strike, and that they did."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hibtest.evidence import (
    Evidence,
    Exit,
)
from hibtest.spec import (
    Always,
    AtMark,
    AtPercent,
    AtRest,
    AtStage,
    AtWrite,
    CutPower,
    Expected,
    FailIo,
    Fault,
    Flip,
    FlipData,
    HangUp,
    Outcome,
    Stage,
)
from hibtest.spec.fault import Moment
from hibtest.verdict import Verdict
from tests.cycle.jobs import ONE
from tests.cycle.kernels import holds_image
from tests.cycle.pretend import (
    Machine,
    log,
)
from tests.cycle.scenes import (
    SIGNED,
    cut,
    panics,
    refuses,
    resumes,
    saves,
    saves_until,
    starts,
    struck,
)

Runs = Callable[..., tuple[Evidence, Verdict]]


@pytest.mark.parametrize("kernel", ["bookworm", "trixie", "backports"])
def test_the_power_is_cut_at_a_percent_of_the_write(runs: Runs, kernel: str) -> None:
    scenario = cut(AtPercent(percent=40))
    evidence, verdict = runs(scenario, saves_until("progress:  50%", kernel=kernel), starts())
    save, resume = evidence.boots
    assert struck(save) == [("cut the power at 40 % of WRITE in the save boot", Stage.WRITE)]
    assert save.exit is not None
    assert (save.power_cut, save.exit.returncode, resume.struck) == (True, None, ())
    assert (verdict.outcome, verdict.cause) == (Outcome.COLD_BOOT, "not-armed"), verdict
    assert verdict.reason == (
        "the resume boot started afresh: there was no image after the power was cut"
    )


def test_a_percent_that_is_not_reached_does_not_strike(runs: Runs) -> None:
    evidence, verdict = runs(cut(AtPercent(percent=90)), panics(saves_until("progress:  50%")))
    assert evidence.boots[0].struck == ()
    assert verdict.outcome is Outcome.PANIC


@pytest.mark.parametrize(
    ("when", "until"),
    [(AtStage(stage=Stage.DEVICES), "Disabling non-boot"), (AtMark(name="created"), "Wrote")],
)
def test_the_power_is_cut_at_a_stage_or_a_line(runs: Runs, when: Moment, until: str) -> None:
    evidence, verdict = runs(cut(when), saves_until(until), starts())
    assert [one.fault.when for one in evidence.boots[0].struck] == [when]
    assert verdict.outcome is Outcome.COLD_BOOT


def test_the_power_is_cut_before_a_write(runs: Runs) -> None:
    evidence, verdict = runs(
        cut(AtWrite(serial="swap")),
        saves_until("PM: S|", node_name="swap", action="stop"),
        starts(),
    )
    assert evidence.boots[0].power_cut
    assert verdict.outcome is Outcome.COLD_BOOT


@pytest.mark.parametrize("other", [{"node_name": "root", "action": "stop"}, {"action": "stop"}])
def test_a_write_to_another_disk_is_not_the_moment(runs: Runs, other: dict[str, str]) -> None:
    def scene(machine: Machine) -> None:
        saves_until("PM: S|", **other)(machine)
        stops = machine.hibernates

        def hibernates(words: str) -> None:
            stops(words)
            machine.powers_off()

        machine.hibernates = hibernates

    evidence, verdict = runs(cut(AtWrite(serial="swap")), scene)
    assert evidence.boots[0].struck == ()
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "no-strike")


def test_a_write_that_is_let_through_is_followed_by_the_next(runs: Runs) -> None:
    told: list[tuple[str, dict[str, Any]]] = []

    def scene(machine: Machine) -> None:
        saves_until("PM: S|", node_name="swap", action="stop")(machine)

        def carries_out(command: str, arguments: dict[str, Any]) -> None:
            told.append((command, arguments))
            if command == "cont":
                machine.signs(b"S1SUSPEND")
                machine.tells("BLOCK_IO_ERROR", **{"node-name": "swap", "action": "stop"})

        machine.monitor.carries_out = carries_out

    evidence, verdict = runs(cut(AtWrite(serial="swap", done=True)), scene, resumes(), starts())
    assert [command for command, _ in told] == ["blockdev-add", "blockdev-reopen", "cont"]
    assert told[0][1]["image"] == "swap-file"
    assert evidence.boots[0].power_cut
    assert verdict.outcome is Outcome.RESUMED, verdict


def test_a_resume_that_is_cut_short_is_tried_again(runs: Runs) -> None:
    def loads(machine: Machine) -> None:
        machine.signs(b"SWAPSPACE2")
        machine.prints(*log("trixie", "resume", until="progress:  60%"))

    scenario = cut(AtPercent(percent=50, stage=Stage.LOAD))
    evidence, verdict = runs(scenario, saves(), loads, starts())
    assert [boot.directory for boot in evidence.boots] == ["save", "resume", "resume-again"]
    assert struck(evidence.boots[1]) == [
        ("cut the power at 50 % of LOAD in the resume boot", Stage.LOAD)
    ]
    assert (verdict.outcome, verdict.cause) == (Outcome.COLD_BOOT, "not-armed"), verdict


def test_a_resume_that_comes_in_spite_of_it_is_looked_at(runs: Runs) -> None:
    def loads(machine: Machine) -> None:
        machine.prints(*log("trixie", "resume", until="progress:  60%"))

    scenario = cut(AtPercent(percent=50, stage=Stage.LOAD))
    evidence, verdict = runs(scenario, saves(), loads, resumes(), starts())
    assert verdict.outcome is Outcome.RESUMED, verdict
    assert len(evidence.boots) == 4


def test_a_bit_is_flipped_before_anybody_looks_at_the_disk(runs: Runs) -> None:
    flip = Flip(serial="swap", byte=SIGNED, bit=1)
    scenario = replace(ONE, faults=(Fault(when=AtRest(), what=flip),))
    evidence, verdict = runs(scenario, saves(), starts())
    assert evidence.boots[0].header is not None
    assert evidence.boots[0].header.sig == "Q1SUSPEND"
    assert struck(evidence.boots[0]) == [
        ("flip bit 1 of byte 4086 of swap after the save boot", Stage.POWER_OFF)
    ]
    assert verdict.cause == "not-armed"


def test_a_byte_that_the_disk_has_not_is_said(runs: Runs) -> None:
    flip = Flip(serial="swap", byte=1 << 40)
    _, verdict = runs(replace(ONE, faults=(Fault(when=AtRest(), what=flip),)), saves())
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "SpecError")
    assert "the disk swap has no byte 1099511627776" in verdict.reason


def test_nothing_is_flipped_when_nothing_hibernates(runs: Runs) -> None:
    """A fault that never struck says nothing, even where the outcome is the expected one."""
    flip = Fault(when=AtRest(), what=Flip(serial="swap", byte=0))
    expected = Expected(outcome=Outcome.REFUSED)
    evidence, verdict = runs(replace(ONE, faults=(flip,), expected=expected), refuses)
    assert evidence.boots[0].struck == ()
    assert (verdict.outcome, verdict.cause, verdict.as_expected) == (
        Outcome.INVALID,
        "no-strike",
        False,
    )
    assert verdict.reason.startswith(
        "the fault never struck: flip bit 0 of byte 0 of swap after the save boot; "
        "the run came to REFUSED: "
    )


def test_a_page_of_the_image_is_flipped(runs: Runs) -> None:
    def hibernates(machine: Machine) -> None:
        saves()(machine)
        holds_image(machine)

    scenario = replace(ONE, faults=(Fault(when=AtRest(), what=FlipData()),))
    evidence, _ = runs(scenario, hibernates, starts())
    assert struck(evidence.boots[0]) == [
        ("flip a bit of a page in the image on swap after the save boot", Stage.POWER_OFF)
    ]


def test_without_an_image_no_page_is_flipped(runs: Runs) -> None:
    scenario = replace(ONE, faults=(Fault(when=AtRest(), what=FlipData()),))
    _, verdict = runs(scenario, saves(armed=False), starts())
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "no-strike")


def test_a_write_that_fails_strikes_when_qemu_tells(runs: Runs) -> None:
    scenario = replace(ONE, faults=(Fault(when=Always(), what=FailIo(serial="swap", at_mib=1)),))

    def scene(machine: Machine) -> None:
        refuses(machine)
        machine.tells("BLOCK_IO_ERROR", **{"node-name": "swap", "action": "report"})

    evidence, verdict = runs(scenario, scene)
    assert len(evidence.boots[0].struck) == 1
    assert verdict.outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(when=AtMark(name="armd"), what=CutPower()), "there is no mark 'armd'"),
        (Fault(when=AtMark(name="ready", boot="colt"), what=HangUp()), "no boot to have the"),
        (Fault(when=AtMark(name="redy", boot="cold"), what=HangUp()), "there is no mark 'redy'"),
        (Fault(when=AtStage(stage=Stage.WRITE), what=HangUp()), "there is no image server"),
        (Fault(when=AtWrite(serial="swpa"), what=CutPower()), "no raw disk 'swpa'"),
        (Fault(when=AtRest(), what=Flip(serial="root", byte=0)), "no raw disk 'root'"),
        (Fault(when=Always(), what=FailIo(serial="toolbox", at_mib=1)), "no raw disk 'toolbox'"),
    ],
)
def test_what_can_never_strike_is_said_before_anything_is_done(
    runs: Runs, fault: Fault, said: str
) -> None:
    evidence, verdict = runs(replace(ONE, faults=(fault,)))
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "SpecError")
    assert said in verdict.reason
    assert evidence.boots == ()


def test_one_place_of_a_disk_can_fail(runs: Runs) -> None:
    faults = (
        Fault(when=Always(), what=FailIo(serial="swap", at_mib=1)),
        Fault(when=AtWrite(serial="swap"), what=CutPower()),
    )
    _, verdict = runs(replace(ONE, faults=faults))
    assert "two places of the disk swap cannot fail" in verdict.reason


def test_the_power_is_cut_at_the_stage_with_which_a_boot_begins(runs: Runs) -> None:
    scenario = cut(AtStage(stage=Stage.BOOT, boot="resume"))
    evidence, verdict = runs(
        scenario, saves(), lambda machine: machine.prints("hibtest: early"), resumes(), starts()
    )
    assert struck(evidence.boots[1]) == [("cut the power at BOOT of the resume boot", Stage.BOOT)]
    assert verdict.outcome is Outcome.RESUMED, verdict


def test_a_machine_that_ended_by_itself_was_not_cut_off(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scene(machine: Machine) -> None:
        saves_until("PM: S|")(machine)
        quit_ = machine.quit

        def too_late() -> Exit:
            machine.powers_off()
            return quit_()

        monkeypatch.setattr(machine, "quit", too_late)

    evidence, verdict = runs(cut(AtPercent(percent=40)), scene)
    assert evidence.boots[0].struck == ()
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "no-strike")
