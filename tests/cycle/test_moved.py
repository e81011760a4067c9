"""A swap file that is made anew: what the boots after it are told, and where its image is found."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hibtest.evidence import Evidence, StepReport
from hibtest.spec import MoveSwap, Offset, Outcome, ResumeSpec, SwapFile
from hibtest.verdict import Verdict
from tests.cycle.jobs import ONE
from tests.cycle.pretend import Machine, Scene
from tests.cycle.scenes import resumes, saves, starts

Runs = Callable[..., tuple[Evidence, Verdict]]
MOVED = replace(ONE, layout=(SwapFile(size_mib=16),), before=(MoveSwap(),))
FIRST, THEN = 4000, 5000  # pages that the filesystem has no use for


def _says(page: int) -> str:
    return f"hibtest: swap offset {page} on 254:16"


def _moves(scene: Scene, then: int = THEN) -> Scene:
    """Have the guest tell where its swap file lies, and lies once it was made anew."""

    def wired(machine: Machine) -> None:
        machine.prints(_says(FIRST))
        machine.swap_page = then

        def moves() -> None:
            machine.signs(b"SWAPSPACE2")
            machine.prints(_says(then))

        machine.when["&& again &&"] = moves
        scene(machine)

    return wired


def _cmdlines(told: list[str], scene: Scene) -> Scene:
    def noted(machine: Machine) -> None:
        assert machine.spec
        told.append(machine.spec.cmdline)
        machine.swap_page = THEN
        scene(machine)

    return noted


@pytest.mark.parametrize(
    ("resume", "offset"), [(ResumeSpec(), THEN), (ResumeSpec(offset=Offset.STALE), FIRST)]
)
def test_the_resume_boot_is_told_of_the_last_place_or_of_the_first(
    runs: Runs, resume: ResumeSpec, offset: int
) -> None:
    told: list[str] = []
    scenes = [_cmdlines(told, one) for one in (_moves(saves()), resumes(), starts())]
    evidence, verdict = runs(replace(MOVED, resume=resume), *scenes)
    assert verdict.outcome is Outcome.RESUMED, verdict
    report = StepReport(name="move-swap", detail=f"lay at page {FIRST}, lies at {THEN}")
    assert evidence.boots[0].steps == (report,)
    assert evidence.boots[0].swap_offset == THEN
    found = [word for word in told[1].split() if word.startswith("resume_offset=")]
    assert found == [f"resume_offset={offset}"]
    assert f"resume_offset={THEN}" in told[2].split()


def test_a_file_that_lies_where_it_lay_is_ours_to_be_told(runs: Runs) -> None:
    evidence, verdict = runs(MOVED, _moves(saves(), FIRST))
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "GuestError")
    assert evidence.trouble
    assert f"begins where the old one did, at page {FIRST}" in evidence.trouble.message
