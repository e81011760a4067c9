"""CPUs that the guest itself takes offline and online, as a scenario asks for it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hibtest.evidence import Cpus, Evidence, StepReport
from hibtest.spec import GuestSpec, Offline, Online, Outcome
from hibtest.verdict import Verdict
from tests.cycle.jobs import ONE
from tests.cycle.pretend import Machine, Scene
from tests.cycle.scenes import resumes, saves, starts

Runs = Callable[..., tuple[Evidence, Verdict]]
THREE = replace(ONE, guest=GuestSpec(kernel="trixie", vcpus=3))
NO_SWITCH = "sh: can't create /sys/devices/system/cpu/cpu0/online: nonexistent directory"


def with_cpus(scene: Scene, *online: int, stuck: tuple[int, ...] = ()) -> Scene:
    """Have a guest of three CPUs.

    :param online: Those that work at first.
    :param stuck: Those that do not go, and say nothing.
    """

    def wired(machine: Machine) -> None:
        there = set(online)

        def switch(cpu: int, to: str) -> tuple[int, str]:
            if cpu == 0:
                return 1, NO_SWITCH
            if cpu not in stuck:
                (there.add if to == "1" else there.discard)(cpu)
            return 0, ""

        def listed() -> str:
            return ",".join(map(str, sorted(there)))

        machine.says["cat present online"] = lambda: (0, f"0-2\n{listed()}\n")
        for cpu in range(3):
            for to in "01":
                command = f"echo {to} >/sys/devices/system/cpu/cpu{cpu}/online"
                machine.says[command] = lambda cpu=cpu, to=to: switch(cpu, to)  # type: ignore[misc]
        scene(machine)

    return wired


def _cpus(online: str) -> Cpus:
    return Cpus(present="0-2", online=online)


def test_what_goes_before_the_hibernation_comes_back_after_the_resume(runs: Runs) -> None:
    scenario = replace(THREE, before=(Offline(cpus=(1, 2)),), after=(Online(cpus=(1, 2)),))
    evidence, verdict = runs(
        scenario, with_cpus(saves(), 0, 1, 2), with_cpus(resumes(), 0), starts()
    )
    assert verdict.outcome is Outcome.RESUMED, verdict
    assert evidence.boots[0].steps == (
        StepReport(
            name="offline",
            detail="online were CPUs 0,1,2, are 0",
            before=_cpus("0,1,2"),
            after=_cpus("0"),
        ),
    )
    assert [one.after for one in evidence.boots[1].steps] == [_cpus("0,1,2")]


def test_a_cpu_that_does_not_go_before_a_hibernation_is_ours(runs: Runs) -> None:
    scenario = replace(THREE, before=(Offline(cpus=(1,)),))
    evidence, verdict = runs(scenario, with_cpus(saves(), 0, 1, 2, stuck=(1,)))
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "GuestError")
    assert evidence.trouble
    assert evidence.trouble.message == ("offline in the save boot: those are others than was to be")


def test_a_cpu_that_does_not_come_after_a_resume_is_damage(runs: Runs) -> None:
    scenario = replace(THREE, before=(Offline(cpus=(2,)),), after=(Online(cpus=(2,)), Online()))
    evidence, verdict = runs(
        scenario, with_cpus(saves(), 0, 1, 2), with_cpus(resumes(), 0, 1, stuck=(2,))
    )
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "step-failed"), verdict
    assert "step online: online were CPUs 0,1, are 0,1: those are others" in verdict.reason
    assert [one.ok for one in evidence.boots[1].steps] == [False]  # and none is done after it


def test_a_refusal_that_is_expected_is_none_that_counts(runs: Runs) -> None:
    scenario = replace(THREE, before=(Offline(cpus=(0,), refused=True),))
    evidence, verdict = runs(scenario, with_cpus(saves(), 0, 1, 2), resumes(), starts())
    assert verdict.outcome is Outcome.RESUMED, verdict
    [step] = evidence.boots[0].steps
    assert (step.ok, step.before, step.after) == (True, _cpus("0,1,2"), _cpus("0,1,2"))
    assert "status 1: sh: can't create" in step.detail


def test_a_cpu_that_was_to_be_refused_and_goes_is_told(runs: Runs) -> None:
    scenario = replace(THREE, before=(Offline(cpus=(1,), refused=True),))
    _, verdict = runs(scenario, with_cpus(saves(), 0, 1, 2))
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "step-failed"), verdict
    assert "its kernel was to refuse" in verdict.reason


@pytest.mark.parametrize("answer", ["", "0-2", "0-x 0"])
def test_a_guest_that_does_not_tell_its_cpus_is_ours(runs: Runs, answer: str) -> None:
    def scene(machine: Machine) -> None:
        with_cpus(saves(), 0, 1, 2)(machine)
        machine.says["cat present online"] = lambda: (0, answer)

    _, verdict = runs(replace(THREE, before=(Offline(),)), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "GuestError"), verdict
