"""The memory map of each boot, and disks, kernels and words that only some boots have."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.cycle.lab import Lab
from hibtest.cycle.memory_map import map_in
from hibtest.errors import SpecError
from hibtest.evidence import Evidence, MapChange, Region
from hibtest.machine.shape import MachineSpec
from hibtest.spec import GuestSpec, Outcome, ResumeSpec, Role, Scenario
from hibtest.spec.course import course
from hibtest.verdict import Verdict
from tests.cycle.jobs import NO_SWAP, ONE, job_in
from tests.cycle.pretend import Machine, Scene, log
from tests.cycle.scenes import saves

Runs = Callable[..., tuple[Evidence, Verdict]]
OLD = "[    0.0] BIOS-e820: [mem 0x0000000000100000-0x000000001ffdefff] usable\r\n"
NEW = "[    0.0] BIOS-e820: [mem 0x0000000000100000-0x000000002ffdefff] usable\r\n"


def logs(text: str, scene: Scene) -> Scene:
    """Have a machine begin its log with a text."""

    def logged(machine: Machine) -> None:
        (machine.directory / "console.log").write_text(text)
        scene(machine)

    return logged


def damaged(machine: Machine) -> None:
    """Refuse the image, and start afresh."""
    machine.signs(b"SWAPSPACE2")
    machine.boot_id = "second"
    machine.prints(*log("trixie", "damaged"))


def test_the_map_is_that_of_the_kernel_that_went_on(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    assert map_in(tmp_path) is None
    log.write_text("quiet\n")
    assert map_in(tmp_path) is None
    log.write_text(f"{OLD}hibtest: kexec starts the kernel again\r\n{NEW}")
    again = map_in(tmp_path)
    log.write_text(NEW)
    assert map_in(tmp_path) == again


@pytest.fixture
def machines(tmp_path: Path) -> Callable[[Scenario], dict[Role, MachineSpec]]:
    """Return what gives the machine of each role, of a scenario."""

    def of(scenario: Scenario) -> dict[Role, MachineSpec]:
        job = job_in(tmp_path, scenario)
        other = replace(job.files, kernel_name="backports", modules=Path("other.squashfs"))
        other = replace(other, kernel=Path("vmlinuz-7.3"), initrd=Path("initrd-7.3"))
        files = replace(job.files, modules=Path("own.squashfs"))
        lab = Lab.of(replace(job, files=files, others=(other,) if scenario.resume.kernel else ()))
        return {plan.role: lab.machine(plan) for plan in course(scenario)}

    return of


def test_another_kernel_resumes(machines: Callable[[Scenario], dict[Role, MachineSpec]]) -> None:
    scenario = replace(ONE, resume=ResumeSpec(kernel="backports"))
    assert scenario.kernels == ("trixie", "backports")
    found = machines(scenario)
    save, resume, cold = (found[role] for role in (Role.SAVE, Role.RESUME, Role.COLD))
    assert save.kernel is not None
    assert save.kernel.name == "vmlinuz"
    assert (resume.kernel, resume.initrd) == (Path("vmlinuz-7.3"), Path("initrd-7.3"))
    assert cold.kernel == resume.kernel
    assert save.disks == resume.disks == cold.disks
    assert [d.path.name for d in save.disks if "modules" in d.serial] == [
        "own.squashfs",
        "other.squashfs",
    ]
    assert "hibtest.modules" not in save.cmdline
    assert "hibtest.modules=modules-backports" in resume.cmdline.split()


def test_disks_come_go_and_change_places(
    machines: Callable[[Scenario], dict[Role, MachineSpec]],
) -> None:
    guest = replace(ONE.guest, more_disks=2)
    found = machines(replace(ONE, guest=guest, resume=ResumeSpec(more_disks=1, reordered=True)))
    save = [disk.serial for disk in found[Role.SAVE].disks]
    resume = [disk.serial for disk in found[Role.RESUME].disks]
    assert save[-2:] == ["spare1", "spare2"]
    assert resume[-1] == "spare1"
    assert (save[0], save[1]) == (resume[1], resume[0]) == ("root", "swap")


def test_a_resume_boot_is_told_more(
    machines: Callable[[Scenario], dict[Role, MachineSpec]],
) -> None:
    found = machines(replace(ONE, resume=ResumeSpec(append=("nokaslr",))))
    told = {role: "nokaslr" in spec.cmdline.split() for role, spec in found.items()}
    assert told == {Role.SAVE: False, Role.RESUME: True, Role.COLD: False}


def test_a_kernel_that_is_started_by_kexec_has_its_files_as_disks(
    machines: Callable[[Scenario], dict[Role, MachineSpec]],
) -> None:
    found = machines(replace(ONE, guest=replace(ONE.guest, kexec=True)))
    told = {role: "hibtest.kexec" in spec.cmdline.split() for role, spec in found.items()}
    assert told == {Role.SAVE: True, Role.RESUME: False, Role.COLD: False}
    for spec in found.values():
        assert [disk.path.name for disk in spec.disks[-2:]] == ["vmlinuz", "initrd"]


@pytest.mark.parametrize("disks", [-1, 9])
def test_so_many_disks_more_there_cannot_be(disks: int) -> None:
    with pytest.raises(SpecError, match="more disks"):
        replace(ONE, resume=ResumeSpec(more_disks=disks))
    with pytest.raises(SpecError, match="more disks"):
        replace(ONE, guest=GuestSpec(kernel="trixie", more_disks=disks))


def test_without_a_swap_nothing_changes_places() -> None:
    with pytest.raises(SpecError, match="there is no swap to change places with"):
        replace(NO_SWAP, resume=ResumeSpec(reordered=True))


def test_a_refused_image_is_told_with_the_entry_that_moved(
    runs: Runs,
) -> None:
    evidence, verdict = runs(ONE, logs(OLD, saves()), logs(NEW, damaged))
    region = Region(start=0x100000, end=0x1FFDEFFF, type=1)
    assert evidence.boots[0].map_changes == ()
    assert evidence.boots[1].map_changes == (
        MapChange(old=region, new=replace(region, end=0x2FFDEFFF)),
    )
    assert (verdict.outcome, verdict.cause) == (Outcome.COLD_BOOT, "image-refused")
    assert "0x100000-0x1ffdefff usable ends 256 MiB higher, at 0x2ffdefff" in verdict.reason
