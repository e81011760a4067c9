"""The agent, and workloads, in runs through machines that are only pretended."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hibtest.evidence import Evidence
from hibtest.job import Job
from hibtest.spec import (
    AgentMethod,
    FuseDirty,
    KernelMethod,
    MuchMemory,
    Outcome,
    Stopper,
    Target,
)
from hibtest.verdict import Verdict
from tests.cycle.jobs import ONE
from tests.cycle.pretend import BEGINS, GRAPH, Machine, Scene, log
from tests.cycle.scenes import resumes, saves, starts

Runs = Callable[..., tuple[Evidence, Verdict]]


def test_the_agents_failures_are_tried_before_the_save_that_counts(runs: Runs) -> None:
    told: list[str] = []
    begins = "hibtest: hibernate agent begins"

    def scene(machine: Machine) -> None:
        machine.prints(*log("trixie", "save", until=BEGINS))

        def hibernates(words: str) -> None:
            told.append(words.partition("--fail-at")[2].strip())
            if told[-1]:
                machine.prints(begins, "hibtest: hibernate agent returned 5 EIO asked to fail")
                return
            machine.prints(begins)
            machine.powers_off(armed=False)

        machine.hibernates = hibernates

    failing = AgentMethod(target=Target.RAW, failures=("write", "freeze:kill"))
    evidence, verdict = runs(replace(ONE, method=failing), scene, starts())
    assert told == ["write", "freeze:kill", ""]
    save = evidence.boots[0]
    assert [(one.asked, one.errno) for one in save.failures] == [("write", 5), ("freeze:kill", 5)]
    assert verdict.outcome is Outcome.COLD_BOOT


def test_a_failure_that_does_not_fail_ends_the_failures(runs: Runs) -> None:
    told: list[str] = []

    def scene(machine: Machine) -> None:
        machine.prints(*log("trixie", "save", until=BEGINS))

        def hibernates(words: str) -> None:
            told.append(words)
            machine.prints(
                "hibtest: hibernate agent begins", "hibtest: hibernate agent returned 0 OK"
            )

        machine.hibernates = hibernates

    failing = AgentMethod(target=Target.RAW, failures=("write", "freeze"))
    evidence, _ = runs(replace(ONE, method=failing), scene)
    assert len(told) == 2
    assert len(evidence.boots[0].failures) == 1


def _agent_saves(words: list[str]) -> Scene:
    def scene(machine: Machine) -> None:
        machine.prints(*log("trixie", "save", until=BEGINS))

        def hibernates(told: str) -> None:
            words.append(told)
            machine.prints("hibtest: hibernate agent begins")
            machine.powers_off(armed=False)

        machine.hibernates = hibernates

    return scene


@pytest.mark.parametrize(
    ("method", "drawn"),
    [
        (AgentMethod(stopper=Stopper.SIGSTOP), True),
        (AgentMethod(stopper=Stopper.CGROUP), True),
        (AgentMethod(stopper=Stopper.FREEZER), False),
        (KernelMethod(), False),
    ],
    ids=["sigstop", "cgroup", "freezer", "kernel"],
)
def test_whom_the_disks_need_is_kept_where_processes_are_stopped_one_by_one(
    runs: Runs, job: Job, method: AgentMethod | KernelMethod, drawn: bool
) -> None:
    words: list[str] = []
    runs(replace(ONE, method=method), _agent_saves(words), starts())
    assert words[0].split()[0] == ("platform" if isinstance(method, KernelMethod) else "agent")
    graph = job.directory / "needed.dot"
    assert graph.exists() is drawn
    assert not drawn or graph.read_text() == GRAPH


def test_the_agent_is_in_the_guest_before_it_is_asked_anything(runs: Runs) -> None:
    machines: list[Machine] = []

    def scene(machine: Machine) -> None:
        machines.append(machine)
        _agent_saves([])(machine)

    runs(replace(ONE, method=AgentMethod(stopper=Stopper.SIGSTOP)), scene, starts())
    asked = [one for one in machines[0].commands if "agent" in one]
    assert asked[0].startswith("cat >")
    assert [one.split()[-1] for one in asked[1:2]] == ["--dot"]
    assert asked[-1].startswith("echo 'agent save")


def test_workloads_are_set_up_before_the_witnesses_and_looked_at_after(runs: Runs) -> None:
    machines: list[Machine] = []

    def seen(scene: Scene) -> Scene:
        def noted(machine: Machine) -> None:
            machines.append(machine)
            scene(machine)

        return noted

    loaded = replace(ONE, workloads=(FuseDirty(), MuchMemory()))
    evidence, _ = runs(loaded, seen(saves()), seen(resumes()))
    names = ["workload fuse-dirty", "workload much-memory"]
    commands = [one.rpartition(".pyz ")[2] for one in machines[0].commands if ".pyz " in one]
    assert commands[:3] == [*names, "plant"]
    found = evidence.boots[1].witnesses
    assert [one.name for one in found] == ["eventfd", *names]
    assert [one.planted for one in found[1:]] == [
        {"set up": "fuse-dirty"},
        {"set up": "much-memory"},
    ]


def test_a_workload_that_cannot_be_looked_at_says_why(runs: Runs) -> None:
    def scene(machine: Machine) -> None:
        resumes()(machine)
        machine.lost = ("workload-check",)

    evidence, verdict = runs(replace(ONE, workloads=(FuseDirty(),)), saves(), scene)
    assert evidence.boots[1].witnesses[-1].error == "the connection to the guest was lost"
    assert verdict.outcome is Outcome.CORRUPT
