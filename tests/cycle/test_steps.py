"""Steps that a scenario asks for: vCPUs that come and go, boots in between, programs of its own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hibtest.errors import QemuError
from hibtest.evidence import Cpus, Evidence, StepReport
from hibtest.machine.shape import MachineSpec
from hibtest.spec import Do, GuestSpec, Outcome, Plug, ResumeSpec, Run, Scenario, Stage, Unplug
from hibtest.verdict import Verdict
from tests.cycle.jobs import ONE
from tests.cycle.pretend import Machine, Scene
from tests.cycle.scenes import hurry, resumes, saves, starts

Runs = Callable[..., tuple[Evidence, Verdict]]
ROOMY = replace(ONE, guest=GuestSpec(kernel="trixie", vcpus=1, max_vcpus=3))


class Vcpus:
    """A machine's vCPUs, as its monitor and its guest tell of them.

    :ivar follows: Whether the guest takes what is plugged in, and lets go what is asked for.
    """

    def __init__(self, machine: Machine, *, follows: bool = True) -> None:
        assert machine.spec
        self.machine, self.follows = machine, follows
        self.there = machine.spec.guest.vcpus
        self.most = machine.spec.guest.max_vcpus or self.there
        machine.monitor.carries_out = self.carry_out
        machine.says["cat present online"] = lambda: (0, 2 * self.online())
        machine.says["for cpu in"] = lambda: (0, "")

    def online(self) -> str:
        """Return the list as a guest prints it whose CPU 1 is off."""
        return "0\n" if self.there == 1 else f"0,2-{self.there}\n"

    def carry_out(self, command: str, arguments: dict[str, Any]) -> Any:
        if command == "query-hotpluggable-cpus":
            return [self._slot(number) for number in reversed(range(self.most))]
        if not self.follows:
            return {}
        if command == "device_add":
            assert arguments == {
                "driver": "max-x86_64-cpu", "id": f"vcpu{self.there}",
                "socket-id": self.there, "core-id": 0,
            }  # fmt: skip
            self.there += 1
            self._tells(1, self.there - 1)
        if command == "device_del":
            self.there -= 1
            assert arguments == {"id": f"/cpu/{self.there}"}
            self._tells(3, self.there)
        return {}

    def _tells(self, source: int, slot: int) -> None:
        for status in (132, 0):  # under way, done
            info = {"source": source, "status": status, "slot": str(slot), "slot-type": "CPU"}
            self.machine.tells("ACPI_DEVICE_OST", info=info)

    def _slot(self, number: int) -> dict[str, Any]:
        path = {"qom-path": f"/cpu/{number}"} if number < self.there else {}
        props = {"socket-id": number, "core-id": 0}
        return {"type": "max-x86_64-cpu", "vcpus-count": 1, "props": props, **path}


def with_cpus(scene: Scene, *, follows: bool = True) -> Scene:
    def wired(machine: Machine) -> None:
        Vcpus(machine, follows=follows)
        scene(machine)

    return wired


def seen(specs: list[MachineSpec], scene: Scene) -> Scene:
    """Note what a scene's machine is like."""

    def noted(machine: Machine) -> None:
        assert machine.spec
        specs.append(machine.spec)
        scene(machine)

    return noted


def test_vcpus_come_before_the_hibernation_and_go_after_the_resume(runs: Runs) -> None:
    specs: list[MachineSpec] = []
    scenario = replace(ROOMY, before=(Plug(vcpus=2),), after=(Unplug(), Plug(), Unplug()))
    evidence, verdict = runs(
        scenario, *(seen(specs, with_cpus(one)) for one in (saves(), resumes(), starts()))
    )
    assert verdict.outcome is Outcome.RESUMED, verdict
    save, resume, _ = evidence.boots
    alone, three = Cpus(present="0", online="0"), Cpus(present="0,2-3", online="0,2-3")
    detail = "online were CPUs 0, are 0,2-3"
    assert save.steps == (StepReport(name="plug", detail=detail, before=alone, after=three),)
    assert [one.name for one in resume.steps] == ["unplug", "plug", "unplug"]
    assert [one.guest.vcpus for one in specs] == [1, 3, 2]


def test_a_guest_that_does_not_take_a_vcpu_has_hung(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch, Stage.WITNESS)
    scenario = replace(ROOMY, after=(Plug(),))
    evidence, verdict = runs(scenario, saves(), with_cpus(resumes(), follows=False))
    assert (verdict.outcome, verdict.cause) == (Outcome.HUNG, "WITNESS"), verdict
    assert "the guest's word that vCPU 1 has changed" in verdict.reason
    assert evidence.boots[-1].steps == ()


def test_a_guest_that_loses_a_cpu_more_is_ours_before_a_hibernation(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        with_cpus(saves())(machine)
        machine.says["cat present online"] = lambda: (0, "0\n0\n")

    evidence, verdict = runs(replace(ROOMY, before=(Plug(),)), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "GuestError")
    assert evidence.trouble
    assert evidence.trouble.message == "plug: CPUs 0 were online, and 0 are"


def rescued(machine: Machine) -> None:
    starts()(machine)
    machine.boot_id = "rescue"

    def off() -> None:
        machine.tells("SHUTDOWN", guest=True, reason="guest-shutdown")
        machine.ends()

    machine.when["kill -USR2 1"] = off


def test_a_rescue_boot_stands_between_hibernation_and_resume(runs: Runs) -> None:
    told: list[str] = []

    def noted(machine: Machine) -> None:
        assert machine.spec
        told.append(machine.spec.cmdline)
        rescued(machine)

    scenario = replace(ONE, between=(Do(command="touch /root/rescued"),))
    evidence, verdict = runs(scenario, saves(), noted, resumes(), starts())
    assert verdict.outcome is Outcome.RESUMED, verdict
    assert [one.directory for one in evidence.boots] == ["save", "rescue", "resume", "cold"]
    assert evidence.boots[1].steps == (StepReport(name="do", detail="`touch /root/rescued`"),)
    assert evidence.boots[1].armed  # it has left the image alone
    assert "noresume" in told[0].split()


def test_a_rescue_boot_that_does_not_power_off_ends_the_run(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch, Stage.POWER_OFF)
    scenario = replace(ONE, between=(Do(command="true"),))
    _, verdict = runs(scenario, saves(), starts())
    assert (verdict.outcome, verdict.cause) == (Outcome.HUNG, "POWER_OFF"), verdict


def test_a_command_that_fails_is_whoever_wrote_it_s(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        saves()(machine)
        machine.says["false"] = lambda: (3, "nothing of the kind")

    evidence, verdict = runs(replace(ONE, before=(Do(command="false"),)), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "SpecError")
    assert evidence.trouble
    assert evidence.trouble.message == (
        "`false` ended in the save boot with 3: nothing of the kind"
    )


OWN = Run(label="ours", start="./prog &", check="./asks", files=())


@pytest.mark.parametrize(("status", "outcome"), [(0, Outcome.RESUMED), (4, Outcome.CORRUPT)])
def test_a_program_of_one_s_own_is_asked_after_the_resume(
    runs: Runs, status: int, outcome: Outcome, tmp_path: Path
) -> None:
    program = tmp_path / "prog"
    program.write_text("#!/bin/sh")
    machines: list[Machine] = []

    def save(machine: Machine) -> None:
        machines.append(machine)
        saves()(machine)

    def resume(machine: Machine) -> None:
        resumes()(machine)
        machine.says["./asks"] = lambda: (status, "I counted wrong")

    own = Run(label="ours", start="./prog &", check="./asks", files=(str(program),))
    evidence, verdict = runs(
        replace(ONE, workloads=(own,)), save, resume, *([] if status else [starts()])
    )
    assert verdict.outcome is outcome, verdict
    if status:
        assert verdict.cause == "witness-workload-run-ours"
        assert "`./asks` ended with status 4: I counted wrong" in verdict.reason
    assert "push /run/hibtest/own/prog: #!/bin/sh" in machines[0].commands
    assert any(one.endswith("; cd /run/hibtest/own; ./prog &") for one in machines[0].commands)
    assert evidence.boots[1].witnesses[-1].name == "workload run-ours"
    (planting,) = [one for one in machines[0].commands if one.endswith(" plant")]
    assert planting.startswith("cat >/run/hibtest-probe.pyz && ")  # nobody has shipped it before


def test_a_program_that_is_not_well_beforehand_is_whoever_wrote_it_s(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        saves()(machine)
        machine.says["./asks"] = lambda: (1, "not yet")

    _, verdict = runs(replace(ONE, workloads=(OWN,)), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "SpecError")
    assert "before any hibernation: `./asks` ended with status 1: not yet" in verdict.reason


def test_a_file_that_is_not_there_is_named(runs: Runs) -> None:
    own = Run(label="ours", start="true", check="true", files=("/no/such/file",))
    _, verdict = runs(replace(ONE, workloads=(own,)), saves())
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "SpecError")
    assert "/no/such/file: No such file" in verdict.reason


def test_a_resume_boot_may_have_a_machine_of_its_own(runs: Runs) -> None:
    specs: list[MachineSpec] = []
    changed = ResumeSpec(vcpus=3, memory_mib=768, cpu="qemu64")
    scenario: Scenario = replace(ONE, resume=changed)
    runs(scenario, *(seen(specs, one) for one in (saves(), resumes(), starts())))
    shapes = [one.guest for one in specs]
    assert [(one.vcpus, one.memory_mib, one.cpu) for one in shapes] == [
        (ONE.guest.vcpus, 512, ""),
        (3, 768, "qemu64"),
        (3, 768, "qemu64"),
    ]


def test_a_machine_that_vcpus_are_taken_from_has_a_thread_for_each(runs: Runs) -> None:
    specs: list[MachineSpec] = []
    room = replace(ROOMY, guest=replace(ROOMY.guest, vcpus=2), after=(Unplug(),))
    runs(room, *(seen(specs, with_cpus(one)) for one in (saves(), resumes(), starts())))
    assert [one.unplugs for one in specs] == [False, True, False]


def test_a_command_that_fails_in_a_resumed_guest_is_damage(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        resumes()(machine)
        machine.says["fstrim"] = lambda: (1, "fstrim: /: Input/output error")

    trims = replace(ONE, after=(Do(command="fstrim /"), Do(command="true")))
    evidence, verdict = runs(trims, saves(), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "step-failed"), verdict
    assert verdict.reason == (
        "resume boot: step do: `fstrim /` ended with status 1: fstrim: /: Input/output error"
    )
    assert [one.ok for one in evidence.boots[1].steps] == [False]  # and none is done after it


def test_a_witness_that_is_wrong_comes_before_a_step_that_failed(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        resumes()(machine)
        machine.answers.check["witnesses"]["eventfd"]["found"] = {"value": 8}
        machine.says["fstrim"] = lambda: (1, "")

    _, verdict = runs(replace(ONE, after=(Do(command="fstrim /"),)), saves(), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "witness-eventfd"), verdict


def test_what_qemu_refuses_after_a_hibernation_leaves_the_boot_in_evidence(runs: Runs) -> None:
    def refuses(command: str, _arguments: dict[str, Any]) -> Any:
        raise QemuError(f"QMP command {command} failed: no")

    def scene(machine: Machine) -> None:
        with_cpus(resumes())(machine)
        machine.monitor.carries_out = refuses

    evidence, verdict = runs(replace(ROOMY, after=(Plug(),)), saves(), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "QemuError"), verdict
    assert [one.directory for one in evidence.boots] == ["save", "resume"]
    assert evidence.boots[1].witnesses


def test_a_guest_that_does_not_take_a_vcpu_before_a_hibernation_is_ours(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch, Stage.PREPARE)
    evidence, verdict = runs(replace(ROOMY, before=(Plug(),)), with_cpus(saves(), follows=False))
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "GuestError"), verdict
    assert evidence.trouble
    assert "the guest's word that vCPU 1 has changed" in evidence.trouble.message


def test_a_guest_that_refuses_a_vcpu_says_so(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        Vcpus(machine)
        saves()(machine)
        asked = machine.monitor.carries_out

        def refuses(command: str, arguments: dict[str, Any]) -> Any:
            if command != "device_add":
                return asked(command, arguments)
            machine.tells("ACPI_DEVICE_OST", info={"source": 1, "status": 1, "slot": "1"})
            return {}

        machine.monitor.carries_out = refuses

    evidence, verdict = runs(replace(ROOMY, before=(Plug(),)), scene)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "GuestError"), verdict
    assert evidence.trouble
    assert evidence.trouble.message == "the guest refuses to change vCPU 1: _OST 0x1"
