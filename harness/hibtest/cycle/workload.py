"""Workloads: set up in the guest before the witnesses, looked at after the resume as they are."""

from collections.abc import Iterable

from hibtest.cycle.probe import Probe
from hibtest.cycle.witness import Planted
from hibtest.deadline import Deadline
from hibtest.errors import GuestError
from hibtest.evidence import WitnessReport
from hibtest.spec import Workload

_PREFIX = "workload "


def plant(probe: Probe, workloads: Iterable[Workload], deadline: Deadline) -> Planted:
    """Set workloads up, in their order.

    :return: What each was set up as, by the name of its report.
    :raise GuestError: When one cannot be set up.
    """
    return {_PREFIX + one.name: probe.ask(f"workload {one.name}", deadline) for one in workloads}


def check(probe: Probe, planted: Planted, deadline: Deadline) -> tuple[WitnessReport, ...]:
    """Look at all workloads that were set up; one that cannot be looked at says why."""
    reports = []
    for name, facts in planted.items():
        try:
            found = probe.ask(f"workload-check {name.removeprefix(_PREFIX)}", deadline)
            reports.append(WitnessReport(name=name, planted=facts, found=found))
        except GuestError as error:
            reports.append(WitnessReport(name=name, planted=facts, error=error.message))
    return tuple(reports)
