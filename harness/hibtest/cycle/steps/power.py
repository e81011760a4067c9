"""What a root shell is told to do; and to power the machine off."""

from dataclasses import replace

from hibtest.cycle.steps.situation import Situation
from hibtest.errors import SpecError
from hibtest.evidence import StepReport
from hibtest.reach.output import short
from hibtest.reach.shell import Shell
from hibtest.spec import Do, Role, Stage

_OFF = "kill -USR2 1"  # to busybox init: runs the guest's shutdown script, then powers off


def do(step: Do, at: Situation, shell: Shell) -> bool:
    """Have the guest's root shell do something.

    What fails in a guest that was resumed is evidence; elsewhere whoever wrote it knows best.

    :raise SpecError: When it fails in a guest that was not.
    """
    deadline = at.run.deadline(at.run.watch.stage, f"the end of `{step.command}`")
    result = shell.run(step.command, deadline, check=False)
    said = short(f"{result.stdout}{result.stderr}".strip())
    if result.status and at.boot.role is not Role.RESUME:
        what = (
            f"`{step.command}` ended in the {at.boot.directory} boot with {result.status}: {said}"
        )
        raise SpecError(what)
    ended = f" ended with status {result.status}" if result.status else ""
    detail = f"`{step.command}`{ended}: {said}" if said else f"`{step.command}`{ended}"
    report = StepReport(name="do", detail=detail, ok=not result.status)
    at.boot = replace(at.boot, steps=(*at.boot.steps, report))
    return report.ok


def power_off(at: Situation, shell: Shell) -> bool:
    """Have the guest power itself off."""
    watch = at.run.watch
    shell.run(_OFF, at.run.deadline(watch.stage, "the order to power off"))
    watch.enter(Stage.POWER_OFF)
    watch.until(watch.ended, "the power-off")
    at.run.faults.rest()
    return False
