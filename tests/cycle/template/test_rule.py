"""Which boots may start from a template."""

from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.cycle.lab import Lab
from hibtest.cycle.template import Place, place_of, why_cold
from hibtest.evidence import Host
from hibtest.job import Job
from hibtest.spec import (
    OWN_KERNEL,
    AgentMethod,
    AtRest,
    AtStage,
    CutPower,
    Fault,
    Firmware,
    FlipData,
    Role,
    Scenario,
    Stage,
    Target,
)
from hibtest.spec.course import first
from tests.cycle.jobs import ONE, job_in


def _job(directory: Path, scenario: Scenario = ONE) -> Job:
    return replace(job_in(directory, scenario), templates=directory / "templates")


def _why(job: Job, role: Role = Role.SAVE) -> str:
    return why_cold(job, Lab.of(job).storage, first(job.scenario, role))


def test_saves_start_where_all_is_up_and_others_in_early_userspace(tmp_path: Path) -> None:
    job = _job(tmp_path)
    storage = Lab.of(job).storage
    places = {role: place_of(job, storage, first(ONE, role)) for role in (Role.SAVE, Role.RESUME)}
    assert places == {Role.SAVE: Place.READY, Role.RESUME: Place.EARLY}
    assert place_of(job, storage, first(ONE, Role.COLD)) is Place.EARLY


def test_guest_is_told_where_to_wait_and_only_then(tmp_path: Path) -> None:
    job = _job(tmp_path)
    lab, cold = Lab.of(job), Lab.of(replace(job, templates=None))
    assert lab.machine(first(ONE, Role.SAVE)).followed == "hibtest.wait=ready"
    assert lab.machine(first(ONE, Role.COLD)).followed == "hibtest.wait=early"
    assert not cold.machine(first(ONE, Role.SAVE)).followed


@pytest.mark.parametrize(
    ("host", "why"),
    [
        (Host(qemu="10.0.2", accel="kvm"), "emulation"),
        (Host(qemu="9.2.4", accel="tcg"), "saves no machine"),
        (Host(qemu="", accel="tcg"), "saves no machine"),
    ],
)
def test_host_decides(tmp_path: Path, host: Host, why: str) -> None:
    assert why in _why(replace(_job(tmp_path), host=host))


@pytest.mark.parametrize(
    ("scenario", "why"),
    [
        (replace(ONE, guest=replace(ONE.guest, firmware=Firmware.OVMF)), "ovmf"),
        (replace(ONE, guest=replace(ONE.guest, max_vcpus=4)), "vCPUs"),
        (replace(ONE, method=AgentMethod(target=Target.SERVER)), "server"),
        (replace(ONE, faults=(Fault(when=AtStage(stage=Stage.WRITE), what=CutPower()),)), "fault"),
        (ONE, ""),
    ],
)
def test_scenario_decides(tmp_path: Path, scenario: Scenario, why: str) -> None:
    told = _why(_job(tmp_path, scenario))
    assert why in told
    assert bool(why) is bool(told)


def test_fault_of_a_machine_that_is_off_leaves_its_boot_alone(tmp_path: Path) -> None:
    fault = Fault(when=AtRest(), what=FlipData())
    assert _why(_job(tmp_path, replace(ONE, faults=(fault,)))) == ""


def test_kernel_of_ones_own_may_read_disks_before_early_userspace(tmp_path: Path) -> None:
    job = _job(tmp_path, replace(ONE, guest=replace(ONE.guest, kernel=OWN_KERNEL)))
    assert _why(job, Role.SAVE) == ""
    for role in (Role.RESUME, Role.COLD):
        assert "kernel of one's own" in _why(job, role)


def test_nothing_is_warm_that_is_not_to_be(tmp_path: Path) -> None:
    assert "no templates" in _why(replace(_job(tmp_path), templates=None))
