"""The course of a run: what is booted and noted, with machines that are only pretended."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from hibtest import runner
from hibtest.cycle.storage import Storage
from hibtest.errors import HostError
from hibtest.events import Event, StageStarted, Waiting
from hibtest.evidence import Evidence, read_json
from hibtest.job import EVIDENCE, Job
from hibtest.runner import run
from hibtest.spec import (
    Outcome,
    ResumeSpec,
    Role,
    Stage,
    SwapFile,
)
from hibtest.verdict import Verdict
from tests.cycle.jobs import NO_SWAP, ONE
from tests.cycle.pretend import AUDIT, BEGINS, LOGS, Machine, Play, Scene, log
from tests.cycle.scenes import refuses, resumes, saves, starts

KERNELS = ("bookworm", "trixie", "backports")
Runs = Callable[..., tuple[Evidence, Verdict]]
TWICE = replace(ONE, lives=2)


def _roles(evidence: Evidence) -> list[str]:
    return [one.directory for one in evidence.boots]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_life_is_saved_resumed_and_used_up(runs: Runs, kernel: str) -> None:
    evidence, verdict = runs(ONE, saves(kernel), resumes(kernel), starts(kernel))
    assert verdict.outcome is Outcome.RESUMED, verdict
    assert [(one.role, one.directory) for one in evidence.boots] == [
        (Role.SAVE, "save"),
        (Role.RESUME, "resume"),
        (Role.COLD, "cold"),
    ]
    save, resume, cold = evidence.boots
    assert [one.ready for one in evidence.boots] == [True, False, True]
    assert [one.resumed for one in evidence.boots] == [False, True, False]
    assert [one.boot_id for one in evidence.boots] == ["first", "first", "second"]
    assert (save.attempt and save.attempt.mode, save.attempt and save.attempt.errno) == (
        "platform",
        None,
    )
    assert (resume.attempt and resume.attempt.errno, cold.attempt) == (0, None)
    assert [one.armed for one in evidence.boots] == [True, False, False]
    assert [event.name for event in save.qmp] == ["SUSPEND_DISK", "SHUTDOWN"]
    assert [one.name for one in resume.witnesses] == ["eventfd"]
    assert [one.name for one in resume.audits] == ["oom-killer", "loop"]
    stages = [time.stage for time in save.stages]
    assert stages[:3] == [Stage.BOOT, Stage.PREPARE, Stage.FREEZE]
    assert stages[-2:] == [Stage.WRITE, Stage.POWER_OFF]
    assert [time.stage for time in resume.stages][-2:] == [Stage.THAW, Stage.WITNESS]


def test_a_life_may_be_hibernated_twice(runs: Runs) -> None:
    scenes = (saves(), resumes(again=True), resumes(), starts())
    evidence, verdict = runs(TWICE, *scenes)
    assert verdict.outcome is Outcome.RESUMED, verdict
    assert _roles(evidence) == ["save", "resume", "resume-2", "cold"]
    assert [one.armed for one in evidence.boots] == [True, True, False, False]
    assert [one.levels is not None for one in evidence.boots] == [False, True, True, False]
    assert all(one.levels.host[0] <= one.levels.host[1] for one in evidence.boots if one.levels)


def test_what_a_guest_says_it_has_in_use_may_be_no_answer(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        resumes(again=True)(machine)
        machine.answers.levels = {"free": "much"}

    _, verdict = runs(TWICE, saves(), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "witness-answer"), verdict


def test_refused_the_guest_is_looked_at_and_nothing_more_is_booted(runs: Runs) -> None:
    evidence, verdict = runs(NO_SWAP, refuses)
    assert (verdict.outcome, verdict.cause) == (Outcome.REFUSED, "ENODEV")
    (save,) = evidence.boots
    assert save.attempt
    assert (save.attempt.errno, save.attempt.detail) == (19, "ENODEV No such device (state)")
    assert save.witnesses
    assert save.audits


def test_refused_the_second_time_nothing_more_is_booted(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        resumes()(machine)
        machine.hibernates = lambda _: machine.prints(*log("trixie", "no-swap", until=AUDIT))

    evidence, verdict = runs(TWICE, saves(), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.REFUSED, "ENODEV")
    assert _roles(evidence) == ["save", "resume"]


def test_a_boot_that_starts_afresh_ends_the_run(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        machine.boot_id = "second"
        machine.prints("hibtest: noresume", *log("trixie", "save", until=BEGINS))

    noresume = replace(ONE, resume=ResumeSpec(noresume=True))
    evidence, verdict = runs(noresume, saves(), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.COLD_BOOT, "noresume")
    assert _roles(evidence) == ["save", "resume"]
    resume = evidence.boots[1]
    assert (resume.boot_id, resume.attempt, resume.witnesses) == ("second", None, ())


def test_a_power_off_without_an_image_is_seen_in_the_header(runs: Runs) -> None:
    evidence, verdict = runs(ONE, saves(armed=False), starts())
    assert (verdict.outcome, verdict.cause) == (Outcome.COLD_BOOT, "not-armed")
    assert evidence.boots[0].header
    assert evidence.boots[0].header.armed is False


def test_the_evidence_is_stored_after_every_boot(runs: Runs, job: Job) -> None:
    stored = []

    def looks(scene: Scene) -> Scene:
        def looked(machine: Machine) -> None:
            stored.append(_roles(read_json(job.directory / EVIDENCE, Evidence)))
            scene(machine)

        return looked

    runs(ONE, saves(), looks(resumes()), looks(starts()))
    assert stored == [["save"], ["save", "resume"]]


def test_a_host_without_room_is_said_and_nothing_is_booted(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise HostError("no space left", hint="free some")

    monkeypatch.setattr(Storage, "make", full)
    evidence, verdict = runs(ONE)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "HostError")
    assert evidence.trouble
    assert (evidence.trouble.message, evidence.trouble.hint) == ("no space left", "free some")


def test_an_error_of_the_hosts_own_is_a_host_error(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/runs/swap.raw")

    monkeypatch.setattr(Storage, "make", denied)
    evidence, _ = runs(ONE)
    assert evidence.trouble
    assert evidence.trouble.kind == "HostError"
    assert "Permission denied" in evidence.trouble.message


def test_a_seat_that_cannot_be_had_is_said(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_accel: object, say: Callable[[str], None]) -> None:
        say("waits for a CPU")
        raise HostError("the seats are somebody else's")

    monkeypatch.setattr(runner, "turn", none)
    events: list[Event] = []
    began = time.monotonic()
    evidence = run(job, events.append)
    taken = time.monotonic() - began
    assert evidence.trouble
    assert evidence.trouble.message == "the seats are somebody else's"
    (waits,) = [one for one in events if isinstance(one, Waiting)]
    assert waits.text == "waits for a CPU"
    assert 0 <= waits.t <= taken + 0.001  # it is rounded
    assert read_json(job.directory / EVIDENCE, Evidence) == evidence


def test_an_audit_has_time_for_exercises_that_are_stuck(runs: Runs) -> None:
    machines: list[Machine] = []

    def scene(machine: Machine) -> None:
        machines.append(machine)
        refuses(machine)

    runs(NO_SWAP, scene)
    (machine,) = machines
    limits = dict(zip(machine.commands, machine.limits, strict=True))
    assert all(limit > 1 for limit in machine.limits)
    assert limits["audit"] > 2 * limits["check"]


def test_a_guest_that_is_emulated_is_given_more_time(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))
    limits: dict[str, list[float]] = {"kvm": [], "tcg": []}
    for accel, told in limits.items():
        directory = job.directory / accel
        directory.mkdir()
        Play((refuses,)).instead(monkeypatch)
        host = replace(job.host, accel=accel)
        events: list[Event] = []
        run(replace(job, host=host, directory=directory), events.append)
        told.extend(one.limit for one in events if isinstance(one, StageStarted))
    assert len(limits["kvm"]) == len(limits["tcg"]) > 3
    assert all(less < more for less, more in zip(limits["kvm"], limits["tcg"], strict=True))


def test_there_is_a_log_of_a_save_and_a_resume_of_every_kernel() -> None:
    names = {path.stem for path in LOGS.iterdir()}
    assert names >= {f"{kernel}-{what}" for kernel in KERNELS for what in ("save", "resume")}


def test_where_a_swap_file_lies_is_told_by_the_guest_and_to_the_boots_after_it(runs: Runs) -> None:
    told: list[str] = []

    def at(page: int, scene: Scene) -> Scene:
        def placed(machine: Machine) -> None:
            machine.swap_page = page
            assert machine.spec
            told.append(machine.spec.cmdline)
            scene(machine)

        return placed

    def tells(machine: Machine) -> None:
        machine.signs(b"SWAPSPACE2")
        machine.prints("hibtest: swap offset 24576")
        saves()(machine)

    one = replace(ONE, layout=(SwapFile(size_mib=256),))
    evidence, verdict = runs(one, at(24576, tells), at(24576, resumes()), at(24576, starts()))
    assert verdict.outcome is Outcome.RESUMED, verdict
    assert [boot.swap_offset for boot in evidence.boots] == [24576] * 3
    assert [boot.armed for boot in evidence.boots] == [True, False, False]
    offsets = [[word for word in words.split() if "offset" in word] for words in told]
    assert offsets == [[], ["resume_offset=24576"], ["resume_offset=24576"]]


def test_a_swap_file_that_nobody_said_where_it_lies_is_not_looked_for(runs: Runs) -> None:
    evidence, verdict = runs(replace(ONE, layout=(SwapFile(size_mib=256),)), saves(), starts())
    assert evidence.boots[0].header is None
    assert verdict.outcome is not Outcome.RESUMED
