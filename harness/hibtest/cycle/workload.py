"""Workloads: set up in the guest before the witnesses, looked at after the resume as they are."""

from collections.abc import Iterable

from hibtest import zipapp
from hibtest.cycle import answers
from hibtest.cycle.witness import Planted
from hibtest.deadline import Deadline
from hibtest.errors import GuestError
from hibtest.evidence import WitnessReport
from hibtest.inside.shell import Shell
from hibtest.spec import Workload

_PROBE = "/run/hibtest-workloads.pyz"
_PREFIX = "workload "


def plant(
    shell: Shell, workloads: Iterable[Workload], patience: float, deadline: Deadline
) -> Planted:
    """Set workloads up, in their order.

    :param patience: How many times longer than on an idle machine the guest may take.
    :return: What each was set up as, by the name of its report.
    :raise GuestError: When one cannot be set up.
    """
    wanted = list(workloads)
    if wanted:
        shell.run(f"cat >{_PROBE}", deadline, stdin=zipapp.probe())
    return {
        _PREFIX + one.name: ask(shell, f"workload {one.name}", patience, deadline) for one in wanted
    }


def check(
    shell: Shell, planted: Planted, patience: float, deadline: Deadline
) -> tuple[WitnessReport, ...]:
    """Look at all workloads that were set up; one that cannot be looked at says why."""
    reports = []
    for name, facts in planted.items():
        try:
            found = ask(shell, f"workload-check {name.removeprefix(_PREFIX)}", patience, deadline)
            reports.append(WitnessReport(name=name, planted=facts, found=found))
        except GuestError as error:
            reports.append(WitnessReport(name=name, planted=facts, error=error.message))
    return tuple(reports)


def ask(shell: Shell, command: str, patience: float, deadline: Deadline) -> Planted:
    """Have the probe carry out a command; return its facts.

    :raise GuestError: When it cannot.
    """
    text = f"HIBTEST_PATIENCE={patience:g} python3 -ISB {_PROBE} {command}"
    return answers.only(shell.run(text, deadline, check=False), command)
