"""A guest that is booted and kept: for what is asked of a running kernel, with no cycle."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hibtest.cycle.boot import Came, Running, came_up, running
from hibtest.cycle.lab import Lab
from hibtest.cycle.watch import Stalled
from hibtest.errors import GuestError, QemuError
from hibtest.machine.process import error_of
from hibtest.machine.shape import Accel
from hibtest.machine.turns import Say, to_stderr, turn
from hibtest.printable import printable
from hibtest.reach.shell import Shell
from hibtest.retry import TRIES, boots_again
from hibtest.spec import Role, Stage
from hibtest.spec.course import first


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest that is ready.

    :ivar run: Its machine and the watch that follows it.
    :ivar shell: A shell in it.
    """

    run: Running
    shell: Shell


@contextmanager
def kept(lab: Lab, say: Say = to_stderr) -> Iterator[Guest]:
    """Boot a guest, on disks of its own, when there are CPUs for it; it ends when left.

    :param lab: Its directory must be there; each boot gets one of its own in it.
    :param say: Called with a line when the guest has to wait for a CPU, and for whom.
    :raise GuestError: When it does not get ready, three times.
    :raise QemuError: When QEMU does not start, or dies, three times.
    """
    with turn(lab.accel, say=say), ExitStack() as stack:
        lab.storage.make(lab.job.files, lab.job.directory)
        run = _ready(lab, stack, TRIES)
        yield Guest(run, stack.enter_context(run.connect(Stage.PREPARE)))


def _ready(lab: Lab, stack: ExitStack, tries: int) -> Running:
    directory = _fresh(lab.job.directory)
    try:
        run = stack.enter_context(running(lab, first(lab.job.scenario, Role.SAVE), 0, directory))
        _wait(run)
    except (GuestError, QemuError) as error:
        stack.close()
        died = isinstance(error, QemuError)
        emulated = lab.accel is Accel.TCG
        if tries == 1 or not boots_again(
            lab.job.scenario.guest.kernel, emulated=emulated, qemu_died=died
        ):
            raise
        to_stderr(f"{directory}: {printable(error.message)}: the boot is made again")
        return _ready(lab, stack, tries - 1)
    return run


def _fresh(directory: Path) -> Path:
    number = 1
    while (directory / f"boot-{number}").exists():
        number += 1
    return directory / f"boot-{number}"


def _wait(run: Running) -> None:
    try:
        came = came_up(run.watch)
    except Stalled as stalled:
        raise GuestError(f"the guest did not boot: {stalled}; {_last(run)}") from stalled
    exit_ = run.watch.ended()
    if exit_ is not None and (died := error_of(exit_, run.machine.argv)):
        raise died
    if came is not Came.READY:
        raise GuestError(f"the guest did not boot: {came}; {_last(run)}")
    run.watch.enter(Stage.PREPARE)


def _last(run: Running) -> str:
    lines = run.watch.last_lines()
    return f"its console ends: {lines[-1]}" if lines else "its console is empty"
