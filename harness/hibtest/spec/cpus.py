"""Whether the CPUs that a scenario asks for can be, from step to step."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from hibtest.errors import SpecError
from hibtest.spec.guest import MOST_VCPUS, GuestSpec
from hibtest.spec.step import Offline, Online, OwnStep, Plug, Unplug, after


class _Resume(Protocol):
    @property
    def vcpus(self) -> int | None: ...


class Asking(Protocol):
    """What is asked of CPUs: a scenario."""

    @property
    def name(self) -> str: ...
    @property
    def guest(self) -> GuestSpec: ...
    @property
    def resume(self) -> _Resume: ...
    @property
    def lives(self) -> int: ...
    @property
    def before(self) -> tuple[OwnStep, ...]: ...
    @property
    def last(self) -> tuple[OwnStep, ...]: ...
    @property
    def between(self) -> tuple[OwnStep, ...]: ...
    @property
    def after(self) -> tuple[OwnStep, ...]: ...
    @property
    def afresh(self) -> tuple[OwnStep, ...]: ...


def require_cpus(asked: Asking) -> None:
    """Check that each machine has vCPUs, and room for them, whatever the steps do.

    :raise SpecError: When one cannot.
    """
    guest = asked.guest
    for vcpus in (guest.room, asked.resume.vcpus or 1):
        if vcpus > MOST_VCPUS:
            what = f"{asked.name}: {vcpus} vCPUs are more than any machine has"
            raise SpecError(what, hint=f"at most {MOST_VCPUS}")
    if not 1 <= guest.vcpus <= (guest.max_vcpus or guest.vcpus):
        what = f"{guest.vcpus} vCPUs do not fit in max_vcpus {guest.max_vcpus}"
        raise SpecError(f"{asked.name}: {what}")
    _require_topology(asked)
    _require_room(asked)
    _require_online(asked)
    _require_bound(asked)


def _require_topology(asked: Asking) -> None:
    guest, resume, topology = asked.guest, asked.resume.vcpus, asked.guest.topology
    if topology is None:
        return
    if min(topology.sockets, topology.cores, topology.threads) < 1:
        raise SpecError(f"{asked.name}: a topology of {topology}", hint="1 or more of each")
    named = "max_vcpus" if guest.max_vcpus else "vcpus"
    most = guest.max_vcpus or guest.vcpus
    if topology.vcpus != most:
        what = f"a topology of {topology} has {topology.vcpus} vCPUs, and {named} is {most}"
        raise SpecError(f"{asked.name}: {what}", hint="make the product the same")
    if resume and resume > topology.vcpus:
        what = f"a resume machine of {resume} vCPUs does not fit in a topology of {topology}"
        raise SpecError(f"{asked.name}: {what}", hint="raise guest.max_vcpus, and the topology")


def _require_room(asked: Asking) -> None:
    resume = asked.resume.vcpus
    if resume is not None and resume < 1:
        raise SpecError(f"{asked.name}: a resume machine of {resume} vCPUs", hint="1 or more")
    vcpus, most = asked.guest.vcpus, asked.guest.max_vcpus or asked.guest.vcpus
    lives = ((False, asked.between), (True, asked.after)) * asked.lives
    for resumed, steps in ((False, asked.before), (False, asked.last), *lives):
        if resumed and resume:
            vcpus, most = resume, max(most, resume)
        for step in steps:
            vcpus = after(vcpus, step)
            if not 1 <= vcpus <= most:
                what = f"{vcpus} vCPUs after {step.words}, but there can be 1 to {most}"
                raise SpecError(f"{asked.name}: {what}", hint="raise guest.max_vcpus")


def _require_online(asked: Asking) -> None:
    """Check that CPUs which go offline, or come back, are there, and that one is left."""
    most = max(asked.guest.room, asked.resume.vcpus or 0)
    for steps in _lives(asked):
        off: set[int] = set()
        for step in steps:
            _require_known(asked.name, step, most)
            off = _off(off, step)
            if len(off) >= most:
                what = f"no CPU is online after {step.words}: there are {most}"
                raise SpecError(f"{asked.name}: {what}", hint="leave one")


def _require_bound(asked: Asking) -> None:
    """Check that no CPU comes or goes between two looks at CPUs, and at who is bound to one.

    It would look like damage. A task that is bound to a CPU which goes offline may run anywhere
    from then on, also when that comes back (select_fallback_rq(), kernel/sched/core.c, 6.1 to 7.3).
    """
    between = (*asked.last, *(asked.after if asked.lives > 1 else ()))
    for step in between:
        if isinstance(step, Plug | Unplug) or (isinstance(step, Offline) and not step.refused):
            what = f"{step.words}: witnesses would find other CPUs than they were planted on"
            raise SpecError(f"{asked.name}: {what}", hint="do it in `before`, or have one life")


def _lives(asked: Asking) -> Iterator[Sequence[OwnStep]]:
    """Yield the steps that one kernel goes through."""
    yield (*asked.before, *asked.last, *asked.after * asked.lives)
    yield asked.between
    yield asked.afresh


def _require_known(name: str, step: OwnStep, most: int) -> None:
    if isinstance(step, Offline | Online) and max(step.cpus) >= most:
        what = f"there is no CPU {max(step.cpus)} to {step.words}: they are 0 to {most - 1}"
        raise SpecError(f"{name}: {what}", hint="raise guest.vcpus, or name another CPU")


def _off(off: set[int], step: OwnStep) -> set[int]:
    match step:
        case Offline() if not step.refused:
            return off | set(step.cpus)
        case Online():
            return off - set(step.cpus)
        case _:
            return off
