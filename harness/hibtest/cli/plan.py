"""What ``hibtest plan`` prints: the boots of a scenario and their command lines."""

import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hibtest import images
from hibtest.bench.able import unable
from hibtest.bench.chosen import host_in_doubt, why_not
from hibtest.bench.prepare import Bench, templates_dir
from hibtest.cycle.lab import Lab
from hibtest.cycle.template import why_cold
from hibtest.evidence import Host, to_json
from hibtest.job import Job
from hibtest.machine.accel import choose
from hibtest.machine.argv import argv
from hibtest.machine.version import QEMU, qemu_version
from hibtest.spec import GuestFiles, Role, Scenario
from hibtest.spec.course import BootPlan, course, expected_course


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedBoot:
    """A boot of a plan.

    :ivar what: What is done in it.
    :ivar argv: QEMU's command line, with the console on the terminal.
    :ivar cold: Why it starts with its firmware; empty: from a template, if there is one.
    """

    role: Role
    what: str
    argv: tuple[str, ...]
    cold: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a scenario does, boot by boot.

    :ivar storage: What early userspace and the guest's init do, as shell functions.
    :ivar inapplicable: Why it does not apply to the kernel, if it does not; or why this host
        cannot run it.
    """

    scenario: Scenario
    storage: str
    accel: str
    accel_reason: str
    boots: tuple[PlannedBoot, ...]
    inapplicable: str = ""


def planned(
    scenario: Scenario, accel: str, given: GuestFiles | None = None, *, warm: bool = True
) -> Plan:
    """Return the plan of a scenario.

    :param given: The files of one's own kernel, if it is to be booted.
    :param warm: Whether boots may start from templates.
    :raise HostError: When its guest files are not built.
    """
    qemu = shutil.which(QEMU) or QEMU
    chosen, reason = choose(qemu, accel)
    files = given or images.guest_files(scenario.guest.kernel)
    host = Host(qemu=qemu_version(qemu), accel=chosen, accel_reason=reason)
    here = Bench(host=host, qemu=qemu, runs=Path())
    job = Job.unkept(scenario, files, host, qemu, Path())
    others = tuple(map(images.guest_files, scenario.kernels[1:]))
    lab = Lab.of(replace(job, others=others, templates=templates_dir() if warm else None))
    for plan in course(scenario):
        lab.machine(plan)  # what cannot be is said also of boots that are not expected
    boots = (
        PlannedBoot(
            role=plan.role,
            what=f"{plan.name} boot: {', '.join(step.words for step in plan.steps)}{_but(plan)}",
            argv=argv(lab.machine(plan)),
            cold=why_cold(lab.job, lab.storage, plan),
        )
        for plan in expected_course(_on_release(scenario, files.release))
    )
    return Plan(
        scenario=scenario,
        storage=lab.storage.script,
        accel=chosen,
        accel_reason=reason,
        boots=tuple(boots),
        inapplicable=why_not(scenario, files.lacks, host_in_doubt(accel)) or unable(here, scenario),
    )


def _on_release(scenario: Scenario, release: str) -> Scenario:
    bug = scenario.bug_of(release)
    return replace(scenario, expected=bug.expected) if bug else scenario


def _from(boot: PlannedBoot) -> str:
    if boot.cold:
        return f"with its firmware: {boot.cold}"
    return "from a template, if there is one or one pays (docs/templates.md)"


def _but(plan: BootPlan) -> str:
    faults = "".join(f"; fault: {fault.words}" for fault in plan.faults)
    copied = "; then its disks are copied" if plan.kept else ""
    back = f"; before it {plan.put_back.words} of the copy put back" if plan.put_back else ""
    return f"{faults}{copied}{back}"


def plan_lines(plan: Plan) -> Iterator[str]:
    """Yield a plan, line by line."""
    yield from to_json(plan.scenario).decode().splitlines()
    if plan.inapplicable:
        yield f"# does not apply, and would not be run: {plan.inapplicable}"
    yield f"# acceleration: {plan.accel}" + (f" ({plan.accel_reason})" if plan.accel_reason else "")
    yield "# early userspace and the guest's init, by the plan disk:"
    yield from (f"#   {line}" for line in plan.storage.splitlines())
    for boot in plan.boots:
        yield f"# {boot.what}"
        yield f"# it starts {_from(boot)}"
        yield shlex.join(boot.argv)
