"""A swap file that is made anew, elsewhere, after the kernel or a bootloader was told of it."""

from dataclasses import replace

from hibtest.cycle.steps.situation import Situation
from hibtest.errors import GuestError
from hibtest.evidence import StepReport
from hibtest.reach.shell import Shell
from hibtest.spec import MoveSwap

_TIMES = 4  # as long as a step of the guest's may take: all its blocks are asked of a filesystem


def move(step: MoveSwap, at: Situation, shell: Shell) -> bool:
    """Make the first swap, a file, anew; the guest says on its console where it lies then.

    :raise GuestError: When it lies where it lay.
    """
    run, watch = at.run, at.run.watch
    before, count = run.told, watch.count("swap-offset")
    deadline = run.deadline(watch.stage, "a new swap file", times=_TIMES)
    shell.run(run.lab.storage.moved(told=step.told), deadline)
    watch.until(
        lambda: watch.count("swap-offset") > count or None, "the guest's word of where it lies now"
    )
    if run.told == before:
        raise GuestError(f"the new swap file begins where the old one did, at page {before}")
    report = StepReport(name="move-swap", detail=f"lay at page {before}, lies at {run.told}")
    at.boot = replace(at.boot, steps=(*at.boot.steps, report))
    return True
