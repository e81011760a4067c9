"""What a run looks at when its last machine is off: real filesystems below pretended machines."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest import programs
from hibtest.evidence import Evidence, FilesystemCheck
from hibtest.job import Job
from hibtest.spec import Outcome
from hibtest.verdict import Verdict
from tests.cycle.filesystems.disks import DAMAGE, STALE, debugfs, ext4
from tests.cycle.jobs import COMPARED, ONE
from tests.cycle.pretend import Machine, Scene
from tests.cycle.scenes import resumes, saves, starts

Runs = Callable[..., tuple[Evidence, Verdict]]


@pytest.fixture(autouse=True)
def root(job: Job) -> Path:
    """Have the guest's root disk be a real one."""
    job.files.root.unlink()
    return ext4(job.files.root)


def writes(scene: Scene, *commands: str) -> Scene:
    """Return a scene whose machine writes to its root disk when it starts."""

    def started(machine: Machine) -> None:
        disk = machine.directory.parent / "root.raw"
        (disk.with_name("data")).touch()
        debugfs(disk, *commands)
        scene(machine)

    return started


def checked(evidence: Evidence) -> FilesystemCheck:
    assert evidence.filesystems
    (check,) = evidence.filesystems
    return check


@pytest.mark.parametrize("scenario", [ONE, COMPARED])
def test_a_root_that_is_whole_is_noted(runs: Runs, scenario: object) -> None:
    evidence, verdict = runs(scenario, saves(), resumes(), starts())
    assert verdict.outcome is Outcome.RESUMED
    check = checked(evidence)
    assert replace(check, seconds=0.0) == FilesystemCheck(disk="root", kind="ext4")


def test_counts_that_the_kernel_does_not_keep_right_are_no_damage(runs: Runs) -> None:
    _, verdict = runs(COMPARED, saves(), resumes(), writes(starts(), *STALE))
    assert verdict.outcome is Outcome.RESUMED


def test_damage_is_the_verdict(runs: Runs, job: Job) -> None:
    evidence, verdict = runs(COMPARED, saves(), writes(resumes(), *DAMAGE), starts())
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "filesystem")
    assert checked(evidence).count == 5
    assert (job.directory / "filesystem-root.txt").exists()


def test_a_run_that_ends_early_is_looked_at_too(runs: Runs) -> None:
    evidence, verdict = runs(COMPARED, saves(), writes(starts(), *DAMAGE))
    assert [boot.directory for boot in evidence.boots] == ["save", "resume"]
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "filesystem")
    assert "COLD_BOOT" in verdict.reason


def test_without_a_program_to_look_nothing_is_booted(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = programs.find
    monkeypatch.setattr(programs, "find", lambda name: None if "fsck" in name else find(name))
    evidence, verdict = runs(ONE)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "HostError")
    assert evidence.boots == ()
    assert verdict.reason == "e2fsck not found (apt-get install e2fsprogs)"
