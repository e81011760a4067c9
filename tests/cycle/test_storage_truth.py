"""What a guest with a data disk is asked once it has started afresh, and what comes of it."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from hibtest.errors import SpecError
from hibtest.evidence import Evidence, WitnessReport
from hibtest.spec import DataDisk, GuestSpec, Outcome, Scenario
from hibtest.spec.course import course
from hibtest.spec.step import Task
from hibtest.verdict import Verdict
from tests.cycle.jobs import ONE
from tests.cycle.pretend import Machine, Scene
from tests.cycle.scenes import resumes, saves, starts

Runs = Callable[..., tuple[Evidence, Verdict]]
DATA = replace(ONE, guest=GuestSpec(kernel="trixie", data=DataDisk(size_mib=1)))
WRITER = {"pid": 5, "starttime": 100}
NAME = "storage-data"


def writes(scene: Scene) -> Scene:
    """Have a guest plant a writer that acknowledges 3 and, after the resume, 60."""

    def written(machine: Machine) -> None:
        machine.answers.plant["witnesses"][NAME] = {"writer": WRITER, "acknowledged": 3}
        found = {
            "writer": WRITER, "acknowledged": 60, "goes_on": True, "errors": 0, "first": None,
            "wrong": None, "last": {},
        }  # fmt: skip
        witnesses = machine.answers.check["witnesses"]
        machine.answers.check["witnesses"] = {**witnesses, NAME: {"found": found}}
        scene(machine)

    return written


def reads(scene: Scene, wrong: object, told: list[str]) -> Scene:
    """Have a guest read back what was written."""

    def read(machine: Machine) -> None:
        machine.says["read-back"] = lambda: (0, json.dumps({NAME: {"last": {}, "wrong": wrong}}))
        machine.when["read-back"] = lambda: told.append(machine.commands[-1])
        scene(machine)

    return read


@pytest.mark.parametrize("wrong", [None, ["appended", "lost", 60, 3776]])
def test_a_cold_boot_is_asked_for_what_the_host_was_told_last(runs: Runs, wrong: object) -> None:
    told: list[str] = []
    scenes = (writes(saves()), writes(resumes()), reads(starts(), wrong, told))
    evidence, verdict = runs(DATA, *scenes)
    (command,) = told
    assert command.endswith("""read-back '{"storage-data": 60}'""")
    assert evidence.boots[-1].witnesses == (
        WitnessReport(name=NAME, planted={"acknowledged": 60}, found={"last": {}, "wrong": wrong}),
    )
    if wrong:
        assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "witness-storage-lost")
    else:
        assert verdict.outcome is Outcome.RESUMED, str(verdict)


def test_a_resume_boot_that_starts_afresh_is_asked_for_what_was_planted(runs: Runs) -> None:
    told: list[str] = []
    scenes = (writes(saves(armed=False)), reads(starts(), None, told))
    _, verdict = runs(DATA, *scenes)
    assert told[0].endswith("""read-back '{"storage-data": 3}'""")
    assert (verdict.outcome, verdict.cause) == (Outcome.COLD_BOOT, "not-armed"), str(verdict)


def test_only_a_guest_with_data_is_asked() -> None:
    def asks(scenario: Scenario) -> list[bool]:
        return [Task.READ_BACK in (*plan.steps, *plan.afresh) for plan in course(scenario)]

    assert asks(DATA) == [False, True, True]
    assert not any(asks(ONE))


def test_a_data_disk_without_room_is_refused() -> None:
    with pytest.raises(SpecError, match="a data disk of 0 MiB"):
        DataDisk(size_mib=0)
