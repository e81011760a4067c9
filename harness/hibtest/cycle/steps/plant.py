"""What is put into a guest before it hibernates: workloads, witnesses, the agent."""

from dataclasses import replace

from hibtest.cycle import agent, witness, workload
from hibtest.cycle.probe import Probe
from hibtest.cycle.steps.situation import Situation
from hibtest.reach.shell import Shell
from hibtest.spec import AgentMethod, Stage, Stopper

NEEDED = "needed.dot"


def workloads(at: Situation, shell: Shell) -> bool:
    """Set the workloads up."""
    deadline = at.run.deadline(Stage.PREPARE, "the workloads")
    wanted = at.run.lab.job.scenario.workloads
    at.past.loads = workload.plant(_probe(at, shell), wanted, deadline)
    return True


def plant(at: Situation, shell: Shell) -> bool:
    """Plant the witnesses."""
    deadline = at.run.deadline(Stage.PREPARE, "the planting of the witnesses")
    boot_id, at.past.planted, at.past.places = witness.plant(_probe(at, shell), deadline)
    at.past.acknowledged = witness.acknowledged(at.past.planted)
    at.boot = replace(at.boot, boot_id=boot_id)
    return True


def ship(at: Situation, shell: Shell) -> bool:
    """Put the agent into the guest; keep, beside the run, whom it will find the disks to need."""
    deadline = at.run.deadline(Stage.PREPARE, "the agent")
    agent.ship(shell, deadline)
    method = at.run.lab.job.scenario.method
    if isinstance(method, AgentMethod) and method.stopper is not Stopper.FREEZER:
        deadline = at.run.deadline(Stage.PREPARE, "the graph of what stands on what")
        graph = agent.needed_graph(shell, deadline)
        (at.run.lab.job.directory / NEEDED).write_text(graph)
    return True


def _probe(at: Situation, shell: Shell) -> Probe:
    """Return the boot's probe: one, which is shipped when it is first asked."""
    if at.probe is None:
        at.probe = Probe(shell, at.run.lab.budget.patience)
    return at.probe
