"""What is planted in the guest before the snapshot, and looked at afterwards.

The work is done inside the guest by harness/probe, shipped as a zipapp; here it is only asked.
"""

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

from harness import zipapp
from harness.cycle.proof.kernel import Places
from harness.deadline import Deadline, DeadlineExpired
from harness.errors import GuestError
from harness.evidence import AuditReport, WitnessReport
from harness.inside.shell import NobodyListens, Shell
from harness.probe.examiner import PORT

_PROBE = "/run/hibtest-probe.pyz"
# -ISB: no site, no bytecode: every import counts under TCG
_COMMAND = f"HIBTEST_PATIENCE={{:g}} python3 -ISB {_PROBE} {{}}"

Planted = dict[str, Any]


def plant(shell: Shell, patience: float, deadline: Deadline) -> tuple[str, Planted, Places]:
    """Ship the probe and plant the witnesses.

    :param patience: How many times longer than on an idle machine the guest may take.
    :return: The guest's boot_id, what each witness was planted as, and where things of the
        guest's kernel lie.
    :raise GuestError: When one could not be planted.
    """
    before = time.time()
    # in one go: every command is a few processes, and the guest may be an emulated one
    command = f"cat >{_PROBE} && {_COMMAND.format(patience, 'plant')}"
    answer = shell.run_json(command, deadline, stdin=zipapp.probe())
    witnesses = dict(answer["witnesses"])
    witnesses["clocks"]["host"] = [before, time.time()]
    for name, facts in witnesses.items():
        if "error" in facts:
            raise GuestError(f"the witness {name} could not be planted: {facts['error']}")
    return str(answer["boot_id"]), witnesses, Places.of(answer["places"])


def check(
    shell: Shell, planted: Planted, patience: float, deadline: Deadline
) -> tuple[str, tuple[WitnessReport, ...]]:
    """Look at all witnesses.

    :return: The guest's boot_id and a report per witness that was planted.
    """
    before = time.time()
    answer = next(_answers(shell, "check", patience, deadline), None)
    if answer is None:
        raise GuestError("the probe's check answered nothing")
    found = answer["witnesses"] or {}
    found.get("clocks", {}).get("found", {})["host"] = [before, time.time()]
    reports = tuple(_report(name, facts, found.get(name)) for name, facts in planted.items())
    return str(answer["boot_id"]), reports


def _report(name: str, planted: Any, found: dict[str, Any] | None) -> WitnessReport:
    if found is None and "lacking" not in planted:
        return WitnessReport(name=name, planted=planted, error="not there any more")
    facts = found or {}
    error = str(facts.get("error", ""))
    return WitnessReport(name=name, planted=planted, found=facts.get("found"), error=error)


def audit(shell: Shell, patience: float, deadline: Deadline) -> tuple[AuditReport, ...]:
    """Exercise all that a hibernation switches off or reserves.

    An exercise that does not come back is reported as not working, by name.
    """
    reports: list[AuditReport] = []
    running = ""
    try:
        for entry in _answers(shell, "audit", patience, deadline):
            if "begin" in entry:
                running = str(entry["begin"])
                continue
            running = ""
            reports.append(
                AuditReport(
                    name=str(entry["name"]),
                    ok=entry["ok"],
                    detail=str(entry["detail"]),
                    seconds=float(entry["seconds"]),
                )
            )
    except (GuestError, DeadlineExpired) as error:
        if not running:
            raise
        reports.append(AuditReport(name=running, ok=False, detail=f"did not come back: {error}"))
    return tuple(reports)


def _answers(
    shell: Shell, command: str, patience: float, deadline: Deadline
) -> Iterator[dict[str, Any]]:
    """Yield what a command of the probe prints.

    The examiner, which the probe left in the guest, is quicker than a new Python; a guest that
    has lost it is asked without.

    :raise GuestError: When the probe could not carry out the command.
    """
    try:
        yield from _examined(shell.ask(PORT, command, deadline), command)
    except NobodyListens:
        for line in shell.stream(_COMMAND.format(patience, command), deadline):
            yield json.loads(line)


def _examined(lines: Iterable[str], command: str) -> Iterator[dict[str, Any]]:
    answer: dict[str, Any] = {}
    for line in lines:
        answer = json.loads(line)
        if "status" in answer:
            return
        if "error" in answer:
            raise GuestError(f"the probe's {command}: {answer['error']['message']}")
        yield answer
    raise GuestError(
        f"the probe's {command} broke off; /run/hibtest/examiner.log in the guest says why"
    )
