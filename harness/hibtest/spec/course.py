"""The course of a scenario: which boots there are, and what is done in each. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from hibtest.errors import SpecError
from hibtest.spec.fault import Always, AtRest, AtStage, CutPower, Fault
from hibtest.spec.guest import GuestSpec
from hibtest.spec.method import AgentMethod
from hibtest.spec.outcome import Outcome, Role, Stage
from hibtest.spec.resume import PutBack, ResumeSpec
from hibtest.spec.scenario import Scenario
from hibtest.spec.step import Step, Task, after


@dataclass(frozen=True, slots=True, kw_only=True)
class BootPlan:
    """A boot: a machine from its start to its end.

    :ivar name: Unique in the course; its directory in the run's.
    :ivar guest: The shape of its machine.
    :ivar steps: What is done once it is up, in this order.
    :ivar afresh: What is done instead in a resume boot in which the guest has started afresh.
    :ivar faults: What is made to go wrong in it, or with its disks once it has powered off.
    :ivar kept: Whether its disks are copied once it has ended.
    :ivar put_back: What is put back from those copies before it starts; ``None``: nothing is.
    """

    role: Role
    name: str
    guest: GuestSpec
    steps: tuple[Step, ...]
    afresh: tuple[Step, ...] = (Task.IDENTIFY,)
    faults: tuple[Fault, ...] = ()
    kept: bool = False
    put_back: PutBack | None = None

    @property
    def cut(self) -> bool:
        """Whether its power is to be cut before its steps are through."""
        return any(isinstance(fault.what, CutPower) for fault in self.faults)

    @property
    def hibernates(self) -> bool:
        """Whether it ends in a hibernation, if all goes as it is to go."""
        return self.steps[-1] is Task.HIBERNATE

    @property
    def comes_back(self) -> bool:
        """Whether it goes on after a hibernation."""
        return Task.HIBERNATE in self.steps and not self.hibernates


def course(scenario: Scenario) -> tuple[BootPlan, ...]:
    """Return all boots of a full cycle.

    :raise SpecError: When a fault is to strike in a boot that there is none of.
    """
    boots = tuple(_with_faults(scenario))
    for fault in scenario.faults:
        if not any(fault in plan.faults for plan in boots):
            names = ", ".join(plan.name for plan in boots)
            raise SpecError(f"{scenario.name}: no boot to {fault.words}", hint=f"there are {names}")
        if isinstance(fault.when, AtRest) and not any(_rests(fault, plan) for plan in boots):
            what = f"{scenario.name}: the {fault.when.where} boot does not power itself off"
            raise SpecError(what, hint="name one that does")
    for plan in boots:
        _require_cuts(scenario, plan)
    return boots


def _require_cuts(scenario: Scenario, plan: BootPlan) -> None:
    """Check that what the power is cut in can be cut short, once."""
    cuts = [fault for fault in plan.faults if isinstance(fault.what, CutPower)]
    if cuts and (plan.role is Role.COLD or plan.name.endswith("-again")):
        what = f"{scenario.name}: no boot is made again after the {plan.name} boot was cut short"
        raise SpecError(what, hint="name another boot")
    if len(cuts) > 1:
        what = f"{scenario.name}: the power of the {plan.name} boot is cut twice"
        raise SpecError(what, hint="drop one, or name another boot")
    for cut in cuts if plan.role is Role.SAVE else ():
        if isinstance(cut.when, AtStage) and cut.when.stage in {Stage.BOOT, Stage.PREPARE}:
            what = f"{scenario.name}: no hibernation has begun at {cut.words}"
            raise SpecError(what, hint="name a later stage, or another boot")


def _rests(fault: Fault, plan: BootPlan) -> bool:
    off = plan.steps[-1] in {Task.HIBERNATE, Task.POWER_OFF}
    return fault in plan.faults and off and not plan.cut


def _with_faults(scenario: Scenario) -> Iterator[BootPlan]:
    """Yield the boots with their faults; a resume that is cut short is tried again."""
    for plan in _boots(scenario):
        faults = tuple(fault for fault in scenario.faults if fault.strikes_in(plan.name))
        boot = replace(plan, faults=faults)
        yield boot
        if plan.role is Role.RESUME and boot.cut:
            again = f"{plan.name}-again"
            left = tuple(fault for fault in scenario.faults if fault.strikes_in(again))
            yield replace(plan, name=again, faults=left)


def expected_course(scenario: Scenario) -> tuple[BootPlan, ...]:
    """Return the boots that there will be, as far as the expected outcome leads."""
    boots = course(scenario)
    match scenario.expected.outcome:
        case Outcome.REFUSED:
            return boots[:1]
        case Outcome.COLD_BOOT:
            last = _last_expected(boots)
            steps = (*boots[last].afresh, Task.CUT_POWER)
            return (*boots[:last], replace(boots[last], steps=steps))
        case _:
            return boots


def _last_expected(boots: tuple[BootPlan, ...]) -> int:
    """Return which boot starts afresh, if one does: a resume once all faults have struck."""
    struck = 0
    for number, plan in enumerate(boots):
        if any(not isinstance(fault.when, Always) for fault in plan.faults):
            rests = any(isinstance(fault.when, AtRest) for fault in plan.faults)
            struck = number + 1 if rests or plan.cut else number
    resumes = [n for n, plan in enumerate(boots) if plan.role is Role.RESUME and not plan.cut]
    return next((number for number in resumes if number >= struck), resumes[-1])


def past_of(scenario: Scenario, name: str) -> tuple[str, ...]:
    """Return the names of the boots before one that are in the past of its life.

    What came after the hibernation that is resumed from again is not.
    """
    boots = course(scenario)
    at = next(number for number, plan in enumerate(boots) if plan.name == name)
    if boots[at].put_back:
        at = 1 + next(number for number, plan in enumerate(boots) if plan.kept)
    return tuple(plan.name for plan in boots[:at])


def queues(scenario: Scenario) -> int | None:
    """Return how many queues each disk has in all boots; ``None``: vCPUs never vary in number.

    QEMU gives a disk as many as there are vCPUs when it starts, and a kernel that is resumed on a
    machine with fewer loses those that it uses.
    """
    shapes = {plan.guest.max_vcpus or plan.guest.vcpus for plan in course(scenario)}
    return max(shapes) if scenario.guest.max_vcpus or len(shapes) > 1 else None


def first(scenario: Scenario, role: Role) -> BootPlan:
    """Return the first boot of a role.

    :raise SpecError: When there is none.
    """
    for plan in course(scenario):
        if plan.role is role:
            return plan
    raise SpecError(f"{scenario.name}: has no {role} boot")


def _boots(scenario: Scenario) -> Iterator[BootPlan]:
    guest = scenario.guest
    steps = tuple(_save(scenario))
    again = scenario.resume.again
    yield BootPlan(role=Role.SAVE, name="save", guest=guest, steps=steps, kept=again is not None)
    for life in range(1, 1 if scenario.comes_back else scenario.lives + 1):
        guest = _left(guest, steps)
        number = "" if life == 1 else f"-{life}"
        if scenario.between:
            steps = (*scenario.between, Task.POWER_OFF)
            yield BootPlan(role=Role.RESCUE, name=f"rescue{number}", guest=guest, steps=steps)
            guest = _left(guest, steps)
        guest = _changed(guest, scenario.resume)
        last = Task.HIBERNATE if life < scenario.lives else _end(again)
        steps = (Task.EXAMINE, *scenario.after, last)
        afresh = (*_starts(scenario), *scenario.afresh)
        resume = BootPlan(
            role=Role.RESUME, name=f"resume{number}", guest=guest, steps=steps, afresh=afresh
        )
        yield resume
    if again:
        steps = (Task.EXAMINE, *scenario.after, Task.CUT_POWER)
        yield replace(resume, name="resume-copy", steps=steps, put_back=again)
    guest = _left(guest, steps)
    steps = (*_starts(scenario), Task.CUT_POWER)
    yield BootPlan(role=Role.COLD, name="cold", guest=guest, steps=steps)


def _end(again: PutBack | None) -> Task:
    """Return how the last resumed life ends: in good order where its image is resumed again."""
    return Task.CUT_POWER if again is None else Task.POWER_OFF


def _starts(scenario: Scenario) -> Iterator[Step]:
    """Yield what is asked of a guest that has started afresh: what it kept, where it has data."""
    yield Task.IDENTIFY
    if scenario.guest.data is not None:
        yield Task.READ_BACK


def _left(guest: GuestSpec, steps: Iterable[Step]) -> GuestSpec:
    """Return a machine as steps leave it: a vCPU that was plugged in stays."""
    for step in steps:
        guest = replace(guest, vcpus=after(guest.vcpus, step))
    return guest


def _changed(guest: GuestSpec, resume: ResumeSpec) -> GuestSpec:
    return replace(
        guest,
        vcpus=resume.vcpus or guest.vcpus,
        max_vcpus=guest.max_vcpus and max(resume.vcpus or 0, guest.max_vcpus),
        memory_mib=resume.memory_mib or guest.memory_mib,
        cpu=resume.cpu or guest.cpu,
        firmware=resume.firmware or guest.firmware,
        kernel=resume.kernel or guest.kernel,
        more_disks=guest.more_disks if resume.more_disks is None else resume.more_disks,
    )


def _save(scenario: Scenario) -> Iterator[Step]:
    if scenario.workloads:
        yield Task.WORKLOADS
    yield from scenario.before
    yield Task.PLANT
    if isinstance(scenario.method, AgentMethod):
        yield Task.SHIP
        if scenario.method.failures:
            yield Task.FAIL
    yield from scenario.last
    yield Task.HIBERNATE
    if scenario.comes_back:
        yield from (Task.EXAMINE, *scenario.after, Task.CUT_POWER)
