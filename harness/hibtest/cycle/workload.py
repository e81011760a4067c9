"""Workloads: set up in the guest before the witnesses, looked at after the resume as they are."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hibtest.cycle.answers import Lacks
from hibtest.cycle.probe import Probe
from hibtest.cycle.witness import Planted
from hibtest.deadline import Deadline
from hibtest.errors import GuestError, KernelError, SpecError
from hibtest.evidence import WitnessReport
from hibtest.reach.output import short
from hibtest.spec import Run, Workload

_PREFIX = "workload "
_OWN = "/run/hibtest/own"  # where files of one's own are
_GROUP = "/sys/fs/cgroup/hibtest-own"  # as hibtest/probe/witnesses/threads.py has it


def plant(probe: Probe, workloads: Iterable[Workload], deadline: Deadline) -> Planted:
    """Set workloads up, in their order.

    :return: What each was set up as, by the name of its report.
    :raise GuestError: When one of ours cannot be set up.
    :raise KernelError: When that is for want of an option of the kernel, by its name.
    :raise SpecError: When one of somebody's own cannot.
    """
    return {_PREFIX + one.name: _set_up(one, probe, deadline) for one in workloads}


def check(probe: Probe, planted: Planted, deadline: Deadline) -> tuple[WitnessReport, ...]:
    """Look at all workloads that were set up; one that cannot be looked at says why."""
    reports = []
    for name, facts in planted.items():
        try:
            found = _looked_at(name, facts, probe, deadline)
            reports.append(WitnessReport(name=name, planted=facts, found=found))
        except GuestError as error:
            reports.append(WitnessReport(name=name, planted=facts, error=error.message))
    return tuple(reports)


def _set_up(one: Workload, probe: Probe, deadline: Deadline) -> Any:
    if not isinstance(one, Run):
        return _of_ours(one, probe, deadline)
    probe.shell.run(f"mkdir -p {_OWN}", deadline)
    for file in map(Path, one.files):
        try:
            probe.shell.push(file.read_bytes(), f"{_OWN}/{file.name}", 0o755, deadline)
        except OSError as error:
            raise SpecError(f"{one.name}: {file}: {error.strerror}") from error
    for command in (one.start, one.check):
        found = _carried_out(command, probe, deadline)
        if found["status"]:
            what = f"`{short(command)}` ended with status {found['status']}: {found['output']}"
            raise SpecError(f"{one.name}, before any hibernation: {what}")
    return {"check": one.check, **found}


def _of_ours(one: Workload, probe: Probe, deadline: Deadline) -> Any:
    try:
        return probe.ask(f"workload {one.name}", deadline)
    except Lacks as error:
        what = f"CONFIG_{error.option} is not set, or its module not given"
        raise KernelError(
            f"the workload {one.name} cannot be set up: {what}: {error.message}",
            hint=f"build the kernel with CONFIG_{error.option}, or leave out what needs it: "
            "`hibtest list --kernel` tells, where the kernel's configuration is found",
        ) from error


def _looked_at(name: str, facts: Any, probe: Probe, deadline: Deadline) -> Any:
    if isinstance(facts, dict) and "check" in facts:  # of one's own
        return _carried_out(facts["check"], probe, deadline)
    return probe.ask(f"workload-check {name.removeprefix(_PREFIX)}", deadline)


def _carried_out(command: str, probe: Probe, deadline: Deadline) -> dict[str, Any]:
    grouped = f"mkdir -p {_GROUP} && echo $$ >{_GROUP}/cgroup.procs"
    text = f"{{ {grouped}; }} 2>/dev/null; cd {_OWN}; {command}"
    result = probe.shell.run(text, deadline, check=False)
    return {"status": result.status, "output": short(f"{result.stdout}{result.stderr}".strip())}
