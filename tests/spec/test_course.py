"""Which boots a scenario has, and what is done in each."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hibtest.errors import SpecError
from hibtest.evidence import read_json, to_json
from hibtest.spec import (
    AgentMethod,
    AtMark,
    CutPower,
    Do,
    Expected,
    Fault,
    GuestSpec,
    KernelMethod,
    Mode,
    MuchMemory,
    Outcome,
    Plug,
    PmTest,
    PutBack,
    ResumeSpec,
    Role,
    Scenario,
    Unplug,
)
from hibtest.spec.course import BootPlan, course, expected_course, first, past_of
from hibtest.spec.step import Step, Task

ONE = Scenario(name="one", guest=GuestSpec(kernel="trixie", vcpus=1, max_vcpus=4))
RESCUE = Do(command="true")


def names(boots: tuple[BootPlan, ...]) -> list[str]:
    return [plan.name for plan in boots]


def steps(scenario: Scenario, role: Role) -> tuple[Step, ...]:
    return first(scenario, role).steps


def test_a_cycle_is_saved_resumed_and_started_afresh() -> None:
    assert names(course(ONE)) == ["save", "resume", "cold"]
    assert steps(ONE, Role.SAVE) == (Task.PLANT, Task.HIBERNATE)
    assert steps(ONE, Role.RESUME) == (Task.EXAMINE, Task.CUT_POWER)
    assert steps(ONE, Role.COLD) == (Task.IDENTIFY, Task.CUT_POWER)


def test_a_life_may_be_hibernated_again() -> None:
    boots = course(replace(ONE, lives=3))
    assert names(boots) == ["save", "resume", "resume-2", "resume-3", "cold"]
    assert [plan.hibernates for plan in boots] == [True, True, True, False, False]


@pytest.mark.parametrize(
    "method",
    [
        KernelMethod(pm_test=PmTest.DEVICES),
        KernelMethod(mode=Mode.SUSPEND),
        KernelMethod(mode=Mode.TEST_RESUME),
    ],
)
def test_a_machine_that_comes_back_is_looked_at_in_the_same_boot(method: KernelMethod) -> None:
    stays = replace(ONE, method=method, after=(RESCUE,))
    assert names(course(stays)) == ["save", "cold"]
    save = first(stays, Role.SAVE)
    own = (Task.EXAMINE, RESCUE, Task.CUT_POWER)
    assert save.steps == (Task.PLANT, Task.HIBERNATE, *own)
    assert (save.comes_back, save.hibernates) == (True, False)


def test_a_machine_that_loses_its_power_asleep_resumes() -> None:
    lost = Fault(when=AtMark(name="sleep-s3"), what=CutPower())
    asked = replace(ONE, method=KernelMethod(mode=Mode.SUSPEND), faults=(lost,), lives=2)
    assert names(course(asked)) == ["save", "resume", "resume-2", "cold"]


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"lives": 2}, "2 lives"),
        ({"between": (RESCUE,)}, "steps in `between`"),
        ({"resume": ResumeSpec(vcpus=2)}, "another resume boot"),
    ],
)
def test_what_is_asked_of_a_resume_boot_that_there_is_none_of(
    changed: dict[str, Any], what: str
) -> None:
    with pytest.raises(SpecError, match=f"{what}, but a rehearsal has no resume boot"):
        replace(ONE, method=KernelMethod(pm_test=PmTest.CORE), **changed)


def test_the_agent_knows_two_modes() -> None:
    with pytest.raises(SpecError, match="the agent does not know the mode test_resume"):
        AgentMethod(mode=Mode.TEST_RESUME)


def test_the_agent_is_shipped_and_fails_first_where_it_is_to() -> None:
    agent = replace(ONE, method=AgentMethod(failures=("write",)), workloads=(MuchMemory(),))
    assert steps(agent, Role.SAVE) == (
        Task.WORKLOADS,
        Task.PLANT,
        Task.SHIP,
        Task.FAIL,
        Task.HIBERNATE,
    )


def test_own_steps_stand_before_the_planting_and_after_the_look() -> None:
    room = replace(ONE.guest, vcpus=2)
    own = replace(ONE, guest=room, before=(Plug(),), after=(RESCUE,), lives=2)
    assert steps(own, Role.SAVE) == (Plug(), Task.PLANT, Task.HIBERNATE)
    assert steps(own, Role.RESUME) == (Task.EXAMINE, RESCUE, Task.HIBERNATE)


def test_a_rescue_boot_stands_before_each_resume() -> None:
    boots = course(replace(ONE, between=(RESCUE,), lives=2))
    assert names(boots) == ["save", "rescue", "resume", "rescue-2", "resume-2", "cold"]
    assert boots[1].steps == (RESCUE, Task.POWER_OFF)


def test_an_image_is_resumed_again_from_a_copy_made_after_the_hibernation() -> None:
    boots = course(replace(ONE, resume=ResumeSpec(again=PutBack.IMAGE)))
    assert names(boots) == ["save", "resume", "resume-copy", "cold"]
    assert [plan.kept for plan in boots] == [True, False, False, False]
    assert [plan.put_back for plan in boots] == [None, None, PutBack.IMAGE, None]
    assert [plan.steps[-1] for plan in boots[1:3]] == [Task.POWER_OFF, Task.CUT_POWER]
    copied = replace(ONE, resume=ResumeSpec(again=PutBack.DISKS))
    assert past_of(copied, "resume-copy") == ("save",)
    assert past_of(copied, "cold") == ("save", "resume", "resume-copy")


def test_a_machine_has_the_vcpus_that_it_was_left_with() -> None:
    boots = course(replace(ONE, before=(Plug(vcpus=3),), after=(Unplug(),)))
    assert [plan.guest.vcpus for plan in boots] == [1, 4, 3]


def test_what_is_plugged_in_between_is_there_at_the_resume() -> None:
    boots = course(replace(ONE, between=(Plug(),), after=(Unplug(),)))
    assert [plan.guest.vcpus for plan in boots] == [1, 1, 2, 1]


def test_a_resume_boot_may_have_another_machine() -> None:
    changed = replace(ONE, resume=ResumeSpec(vcpus=6, memory_mib=1024, cpu="qemu64"))
    save, resume, cold = course(changed)
    assert (resume.guest.vcpus, resume.guest.max_vcpus) == (6, 6)
    assert (resume.guest.memory_mib, resume.guest.cpu) == (1024, "qemu64")
    assert (save.guest, cold.guest) == (ONE.guest, resume.guest)


def test_what_is_expected_ends_the_course() -> None:
    refused = replace(ONE, expected=Expected(outcome=Outcome.REFUSED))
    assert names(expected_course(refused)) == ["save"]
    cold = replace(ONE, between=(RESCUE,), expected=Expected(outcome=Outcome.COLD_BOOT))
    boots = expected_course(cold)
    assert names(boots) == ["save", "rescue", "resume"]
    assert boots[-1].steps == (Task.IDENTIFY, Task.CUT_POWER)
    assert expected_course(ONE) == course(ONE)


def test_a_boot_that_is_not_in_the_course_is_not_found() -> None:
    with pytest.raises(SpecError, match="one: has no rescue boot"):
        first(ONE, Role.RESCUE)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"before": (Plug(vcpus=4),)}, "5 vCPUs after plug 4 vCPUs in, but there can be 1 to 4"),
        ({"before": (Unplug(),)}, "0 vCPUs after unplug 1 vCPU, but there can be 1 to 4"),
        ({"after": (Plug(vcpus=2),), "lives": 2}, "5 vCPUs after plug 2 vCPUs in"),
        ({"between": (Unplug(),)}, "0 vCPUs after unplug 1 vCPU"),
    ],
)
def test_vcpus_for_which_there_is_no_room_are_refused(own: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        replace(ONE, **own)  # type: ignore[arg-type]


def test_steps_are_read_back(tmp_path: Path) -> None:
    own = replace(ONE, before=(Plug(), RESCUE), between=(RESCUE,), after=(Unplug(),))
    path = tmp_path / "scenario.json"
    path.write_bytes(to_json(own))
    assert read_json(path, Scenario) == own
