"""Runs whose images are compared with memory: a pretended guest whose kernel is made up."""

from collections.abc import Callable

import pytest

from hibtest.evidence import Boot, Evidence
from hibtest.spec import Outcome
from hibtest.verdict import Verdict
from tests.cycle.jobs import COMPARED, NO_SWAP, ONE
from tests.cycle.kernels import (
    DATA,
    FREE,
    PAGES,
    ZEROES,
    Ram,
    debugged,
    holds_image,
    made_up,
    resumes_debugged,
    saves_debugged,
)
from tests.cycle.pretend import Machine, Scene
from tests.cycle.scenes import refuses, resumes, saves, starts

Runs = Callable[..., tuple[Evidence, Verdict]]


@pytest.fixture
def ram() -> Ram:
    return made_up()


def _exact(boot: Boot) -> bool:
    views = []
    if boot.saved:
        views.append(boot.saved.view)
    if boot.restored:
        views += [boot.restored.image, boot.restored.snapshot]
    return bool(views) and all(view is not None and view.differ == 0 for view in views)


def test_a_life_is_proved_page_by_page(runs: Runs, ram: Ram) -> None:
    scenes = saves_debugged(ram), resumes_debugged(ram), starts()
    evidence, verdict = runs(ONE, *scenes, proof=True)
    assert verdict.outcome is Outcome.RESUMED, verdict
    assert f"; {len(DATA) + len(ZEROES)} pages exact; " in verdict.reason
    save, resume, cold = evidence.boots
    assert _exact(save)
    assert _exact(resume)
    assert (save.restored, resume.saved, cold.saved, cold.restored) == (None, None, None, None)
    assert save.disks == ()
    proof = save.saved
    assert proof
    assert proof.image
    assert (proof.image.data_pages, proof.image.zero_pages) == (len(DATA), len(ZEROES))
    assert (proof.changed, proof.lacking, proof.damage) == (0, "", "")
    assert proof.ledger
    assert (proof.ledger.ram, proof.ledger.free, proof.ledger.lost) == (PAGES, len(FREE), 0)
    assert proof.ledger.nosave == PAGES - len((*DATA, *ZEROES, *FREE))


def test_a_page_that_is_restored_wrongly_is_corrupt(runs: Runs, ram: Ram) -> None:
    wrong = made_up()
    wrong.put(33 * 4096 + 7, b"!")
    scenes = saves_debugged(ram), resumes_debugged(wrong)
    evidence, verdict = runs(ONE, *scenes, proof=True)
    assert verdict.outcome is Outcome.CORRUPT, verdict
    restored = evidence.boots[1].restored
    assert restored
    for view in (restored.image, restored.snapshot):
        assert view
        assert [page.pfn for page in view.differences] == [33]


def test_a_page_that_is_written_to_after_the_snapshot_is_counted(runs: Runs, ram: Ram) -> None:
    later = made_up()

    def writes(machine: Machine) -> None:
        ram.put(40 * 4096, b"later")

    scenes = saves_debugged(ram, meanwhile=writes), resumes_debugged(later), starts()
    evidence, verdict = runs(ONE, *scenes, proof=True)
    assert verdict.outcome is Outcome.RESUMED, verdict
    saved = evidence.boots[0].saved
    assert saved
    assert (saved.changed, saved.changed_kinds) == (1, {"memory of unknown use": 1})
    assert _exact(evidence.boots[0])


def _reason(evidence: Evidence) -> str:
    saved = evidence.boots[0].saved
    assert saved
    assert saved.view is None
    return saved.lacking


def test_a_guest_that_does_not_tell_where_things_lie_is_not_proved(runs: Runs, ram: Ram) -> None:
    def scene(machine: Machine) -> None:
        saves()(machine)
        debugged(machine, ram)
        machine.answers.plant["places"] = {}

    evidence, verdict = runs(ONE, scene, resumes(), starts(), proof=True)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "not-proven")
    assert "swsusp_save" in _reason(evidence)


def test_a_snapshot_that_the_kernel_never_came_to_is_not_proved(runs: Runs, ram: Ram) -> None:
    def scene(machine: Machine) -> None:
        saves()(machine)
        debugged(machine, ram)

    evidence, _ = runs(ONE, scene, resumes(), starts(), proof=True)
    assert _reason(evidence) == "swsusp_save() was not called"
    assert evidence.boots[0].disks == ()


def test_nor_one_that_failed(runs: Runs, ram: Ram) -> None:
    scenes = saves_debugged(ram, rax=12), resumes(), starts()
    evidence, _ = runs(ONE, *scenes, proof=True)
    assert _reason(evidence) == "swsusp_save() returned an error"


def test_a_machine_whose_memory_is_not_there_is_not_proved(runs: Runs, ram: Ram) -> None:
    def no_memory(scene: Scene) -> Scene:
        def without(machine: Machine) -> None:
            scene(machine)
            machine.memory = None

        return without

    def resumed(machine: Machine) -> None:
        debugged(machine, ram)
        resumes()(machine)

    scenes = no_memory(saves_debugged(ram)), no_memory(resumed), starts()
    evidence, _ = runs(ONE, *scenes, proof=True)
    assert _reason(evidence) == "the machine's memory cannot be looked into"
    assert evidence.boots[1].restored is None


def test_a_resume_is_compared_with_its_image_where_there_is_no_snapshot(
    runs: Runs, ram: Ram
) -> None:
    def scene(machine: Machine) -> None:
        saves()(machine)
        hibernates = machine.hibernates

        def ends(words: str) -> None:
            holds_image(machine)
            hibernates(words)

        machine.hibernates = ends

    evidence, _ = runs(ONE, scene, resumes_debugged(ram), starts(), proof=True)
    save, resume, _cold = evidence.boots
    assert save.saved is None
    assert resume.restored
    assert resume.restored.snapshot is None
    assert resume.restored.image
    assert resume.restored.image.differ == 0


@pytest.mark.parametrize("wrong", [False, True])
def test_a_disk_that_must_not_change_is_compared(runs: Runs, ram: Ram, wrong: bool) -> None:
    def writes(machine: Machine) -> None:
        if wrong:
            with (machine.directory.parent / "root.raw").open("r+b") as disk:
                disk.seek(70000)
                disk.write(b"late")

    scenes = saves_debugged(ram, meanwhile=writes), resumes_debugged(ram), starts()
    evidence, _ = runs(COMPARED, *scenes, proof=True)
    (disk,) = evidence.boots[0].disks
    assert (disk.serial, disk.differ) == ("root", int(wrong))
    assert disk.first == ((65536,) if wrong else ())


def test_a_guest_that_lives_on_has_no_breakpoint_left(runs: Runs, ram: Ram) -> None:
    machines: list[Machine] = []

    def scene(machine: Machine) -> None:
        machines.append(machine)
        refuses(machine)
        debugged(machine, ram)

    evidence, verdict = runs(NO_SWAP, scene, proof=True)
    assert verdict.outcome is Outcome.REFUSED, verdict
    assert evidence.boots[0].saved is None
    assert machines[0].debugger.set == set()
