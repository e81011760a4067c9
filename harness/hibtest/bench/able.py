"""What this host cannot run, said before anything is started, in a line."""

import os
from collections.abc import Callable, Sequence

import psutil

from hibtest.bench.chosen import NOT_HERE, Inapplicable
from hibtest.bench.prepare import Bench
from hibtest.errors import HostError, SpecError
from hibtest.machine.able import able
from hibtest.machine.arch import BOARDS, require_firmware
from hibtest.spec import GuestSpec, Scenario
from hibtest.spec.course import course

PER_GUEST_MIB = 400  # QEMU and a worker, beside the guest's own memory
# All vCPUs of an emulated guest take turns on one CPU, and those of any other share what there is.
# More than so many for each CPU boot no more while anybody waits.
VCPUS_PER_CPU = 16
_ANY_QEMU = 255  # vCPUs that the machine types of all QEMUs take

Check = Callable[[Bench, GuestSpec], str]


def runnable(
    here: Bench, scenarios: Sequence[Scenario]
) -> tuple[tuple[Scenario, ...], tuple[Inapplicable, ...]]:
    """Tell the scenarios that this host can run from those that it cannot, with the reason."""
    why = {one.name: unable(here, one) for one in scenarios}
    others = tuple(
        Inapplicable(scenario=name, why=text, how=NOT_HERE) for name, text in why.items() if text
    )
    return tuple(one for one in scenarios if not why[one.name]), others


def unable(here: Bench, scenario: Scenario) -> str:
    """Return why this host cannot run a scenario, in words; empty when it can."""
    guests = dict.fromkeys(plan.guest for plan in course(scenario))
    found = (check(here, guest) for guest in guests for check in _CHECKS)
    return next(filter(None, found), "")


def require_memory(scenarios: Sequence[Scenario], jobs: int) -> None:
    """Check that so many guests have room in memory side by side.

    :raise SpecError: When they have not.
    """
    largest = max((memory_of(one) for one in scenarios), default=0)
    jobs, free = min(jobs, len(scenarios)), available()
    if jobs > 1 and jobs * largest > free:
        what = f"-j {jobs}: {jobs} guests side by side take up to {jobs * largest} MiB of memory"
        fit = max(1, free // largest)
        raise SpecError(f"{what}, and {free} MiB are available", hint=f"-j {fit}")


def available() -> int:
    """Return how much memory this host could give now, swap included, in MiB."""
    return int(psutil.virtual_memory().available + psutil.swap_memory().free) >> 20


def memory_of(scenario: Scenario) -> int:
    """Return how much memory a run takes at most, in MiB."""
    return max(plan.guest.memory_mib for plan in course(scenario)) + PER_GUEST_MIB


def _memory(_here: Bench, guest: GuestSpec) -> str:
    needed, free = guest.memory_mib + PER_GUEST_MIB, available()
    if needed <= free:
        return ""
    return (
        f"a guest of {guest.memory_mib} MiB takes {needed} MiB of memory, "
        f"and {free} MiB are available"
    )


def _vcpus(here: Bench, guest: GuestSpec) -> str:
    most, cpus = guest.max_vcpus or guest.vcpus, os.cpu_count() or 1
    machine = BOARDS[guest.arch].machine
    if most > VCPUS_PER_CPU * cpus:
        here_ = f"{cpus} CPU{'s' if cpus > 1 else ''}"
        return f"{most} vCPUs are more than {VCPUS_PER_CPU} for each of this host's {here_}"
    takes = able(here.qemu).machines.get(machine, 0) if most > _ANY_QEMU else most
    if most > takes:
        return f"{most} vCPUs: QEMU {here.host.qemu}'s machine type {machine} takes {takes}"
    return ""


def _firmware(_here: Bench, guest: GuestSpec) -> str:
    try:
        require_firmware(guest.arch, guest.firmware)
    except HostError as error:
        return str(error)
    return ""


def _model(here: Bench, guest: GuestSpec) -> str:
    name = guest.cpu.partition(",")[0]
    if not name or name in able(here.qemu).models:
        return ""
    return f"QEMU {here.host.qemu} has no vCPU model {name!r} (`{here.qemu} -cpu help` lists them)"


_CHECKS: tuple[Check, ...] = (_vcpus, _memory, _firmware, _model)
