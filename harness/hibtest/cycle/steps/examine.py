"""What is looked at in a guest once it is up again."""

from dataclasses import replace

from hibtest.cycle import witness, workload
from hibtest.cycle.probe import Probe
from hibtest.cycle.steps.situation import Situation
from hibtest.errors import GuestError
from hibtest.reach.shell import Shell
from hibtest.spec import Role, Stage
from hibtest.spec.course import past_of

_STUCK = 4  # the audit goes on past exercises that are stuck: time for a few of them


def identify(at: Situation, shell: Shell) -> bool:
    """Ask which life it is."""
    deadline = at.run.deadline(Stage.WITNESS, "the guest's boot_id")
    command = "cat /proc/sys/kernel/random/boot_id"
    at.boot = replace(at.boot, boot_id=shell.run(command, deadline).stdout.strip())
    return True


def read_back(at: Situation, shell: Shell) -> bool:
    """Look at what writers of the life that ended have left on the disks."""
    deadline = at.run.deadline(Stage.WITNESS, "the reading back of what was written")
    probe = Probe(shell, at.run.lab.budget.patience)
    reports = witness.read_back(probe, at.past.acknowledged, deadline)
    at.boot = replace(at.boot, witnesses=(*at.boot.witnesses, *reports))
    return True


def examine(at: Situation, shell: Shell) -> bool:
    """Look at what is left of the witnesses; in a new connection, once, when this one breaks.

    A connection that was there before says nothing of the guest when it is gone; one that cannot
    be made any more does.
    """
    run = at.run
    run.watch.enter(Stage.WITNESS)
    try:
        _look(at, shell)
    except GuestError as error:
        if shell.alive or run.watch.ends():
            raise
        run.watch.note(f"connects anew: {error.message}")
        with run.connect(Stage.WITNESS) as other:
            _look(at, other)
    return True


def _look(at: Situation, shell: Shell) -> None:
    run, past = at.run, at.past
    probe = Probe(shell, run.lab.budget.patience, shipped=True)
    if at.boot.role is Role.RESUME and run.lab.job.scenario.lives > 1:
        asking = run.deadline(Stage.WITNESS, "what is in use")
        at.boot = replace(at.boot, levels=witness.levels(probe, asking))
    checking = run.deadline(Stage.WITNESS, "the look at the witnesses")
    boot_id, reports = witness.check(probe, past.planted, checking)
    job, here = run.lab.job, at.boot.directory
    past_of_it = (job.directory / name for name in past_of(job.scenario, here))
    witnesses = witness.heard(reports, job.directory / here, past_of_it)
    at.boot = replace(at.boot, boot_id=boot_id, witnesses=witnesses)
    at.past.acknowledged |= witness.acknowledged({one.name: one.found for one in witnesses})
    loads = workload.check(probe, past.loads, checking)
    at.boot = replace(at.boot, witnesses=witnesses + loads)
    auditing = run.deadline(Stage.WITNESS, "the audit", times=_STUCK)
    at.boot = replace(at.boot, audits=witness.audit(probe, auditing))
