"""Which function carries out which step, and how a boot comes to its steps."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from hibtest.cycle import hibernate
from hibtest.cycle.boot import Came, Running, came_up
from hibtest.cycle.proof.restore import Restorer
from hibtest.cycle.proof.snapshot import Snapshot
from hibtest.cycle.steps import examine, move, offline, plant, plug, power, save
from hibtest.cycle.steps.situation import Situation
from hibtest.reach.shell import Shell
from hibtest.spec import Do, MoveSwap, Offline, Online, Plug, Role, Stage, Unplug
from hibtest.spec.course import BootPlan
from hibtest.spec.step import Step, Task

# What each does; whether the boot goes on after it.
_TASKS: Mapping[Task, Callable[[Situation, Shell], bool]] = {
    Task.WORKLOADS: plant.workloads,
    Task.PLANT: plant.plant,
    Task.SHIP: plant.ship,
    Task.FAIL: save.fail,
    Task.HIBERNATE: save.save,
    Task.EXAMINE: examine.examine,
    Task.IDENTIFY: examine.identify,
    Task.READ_BACK: examine.read_back,
    Task.CUT_POWER: lambda *_: False,  # leaving a machine ends it
    Task.POWER_OFF: power.power_off,
}


def _goes_on(step: Step, at: Situation, shell: Shell) -> bool:
    """Carry out a step; return whether the boot goes on after it."""
    match step:
        case Task():
            return _TASKS[step](at, shell)
        case Plug():
            return plug.plug(step, at, shell)
        case Unplug():
            return plug.unplug(step, at, shell)
        case Offline():
            return offline.offline(step, at, shell)
        case Online():
            return offline.online(step, at, shell)
        case Do():
            return power.do(step, at, shell)
        case MoveSwap():
            return move.move(step, at, shell)


def carry_out(plan: BootPlan, at: Situation) -> None:
    """Wait until a boot has come to something, and carry out its steps.

    :raise GuestError: When the guest does not do what it is told.
    :raise Stalled: When it does not in time.
    """
    came = _came(plan, at)
    if came is Came.ENDED or (came is Came.RESUMED and plan.role is Role.SAVE):
        return
    steps: tuple[Step, ...] = plan.steps
    if plan.role is Role.RESUME and came is Came.READY:
        steps = plan.afresh
    stage = Stage.PREPARE if plan.role is Role.SAVE else Stage.WITNESS
    at.run.watch.enter(stage)
    with at.run.connect(stage) as shell:
        for step in steps:
            if not _goes_on(step, at, shell):
                return
            if step is Task.EXAMINE and at.settled:
                return


def _came(plan: BootPlan, at: Situation) -> Came:
    run = at.run
    restorer = _restorer(run, at.past.snapshot) if plan.role is Role.RESUME else None
    try:
        came = came_up(run.watch)
    finally:
        if restorer is not None:
            at.boot = replace(at.boot, restored=restorer.proof)
    mark = run.watch.seen("returned") if plan.role is Role.RESUME else None
    resumed = came is Came.RESUMED and plan.role is not Role.SAVE
    at.boot = replace(at.boot, ready=came is Came.READY, resumed=resumed)
    if resumed and mark is not None:
        at.boot = replace(at.boot, attempt=hibernate.returned(mark))
    return came


def _restorer(run: Running, snapshot: Snapshot | None) -> Restorer | None:
    """Have memory compared at the jump into the kernel that is about to be restored."""
    if run.stops is None or run.machine.memory is None or run.image is None:
        return None
    restorer = Restorer(run.stops, run.machine.memory, run.image, snapshot)
    run.watch.listen(lambda now: restorer.arm() if now is Stage.LOAD else None)
    return restorer
