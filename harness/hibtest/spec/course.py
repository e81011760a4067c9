"""The course of a scenario: which boots there are, and what is done in each. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hibtest.spec.method import AgentMethod
from hibtest.spec.outcome import Outcome, Role
from hibtest.spec.scenario import Scenario
from hibtest.spec.step import (
    CutPower,
    Examine,
    Fail,
    Hibernate,
    Identify,
    Plant,
    Ship,
    Step,
    Workloads,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BootPlan:
    """A boot: a machine from its start to its end.

    :ivar name: Unique in the course; its directory in the run's.
    :ivar steps: What is done once it is up, in this order. A resume boot in which the guest has
        started afresh is only asked which life it is.
    """

    role: Role
    name: str
    steps: tuple[Step, ...]

    @property
    def hibernates(self) -> bool:
        """Whether it ends in a hibernation, if all goes as it is to go."""
        return Hibernate() in self.steps


def course(scenario: Scenario) -> tuple[BootPlan, ...]:
    """Return all boots of a full cycle."""
    return tuple(_boots(scenario))


def expected_course(scenario: Scenario) -> tuple[BootPlan, ...]:
    """Return the boots that there will be, as far as the expected outcome leads."""
    boots = course(scenario)
    match scenario.expected.outcome:
        case Outcome.REFUSED:
            return boots[:1]
        case Outcome.COLD_BOOT:
            return (boots[0], replace(boots[1], steps=(Identify(), CutPower())))
        case _:
            return boots


def _boots(scenario: Scenario) -> Iterator[BootPlan]:
    yield BootPlan(role=Role.SAVE, name="save", steps=tuple(_save(scenario)))
    for life in range(1, scenario.lives + 1):
        last = Hibernate() if life < scenario.lives else CutPower()
        name = "resume" if life == 1 else f"resume-{life}"
        yield BootPlan(role=Role.RESUME, name=name, steps=(Examine(), last))
    yield BootPlan(role=Role.COLD, name="cold", steps=(Identify(), CutPower()))


def _save(scenario: Scenario) -> Iterator[Step]:
    if scenario.workloads:
        yield Workloads()
    yield Plant()
    if isinstance(scenario.method, AgentMethod):
        yield Ship()
        if scenario.method.failures:
            yield Fail()
    yield Hibernate()
