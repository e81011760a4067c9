"""What is planted in the guest before the snapshot, and looked at afterwards.

The work is done inside the guest by hibtest/probe, shipped as a zipapp; here it is only asked.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

from hibtest import zipapp
from hibtest.cycle import answers
from hibtest.cycle.answers import Garbled
from hibtest.cycle.proof.kernel import Places
from hibtest.deadline import Deadline, DeadlineExpired
from hibtest.errors import GuestError
from hibtest.evidence import AuditReport, WitnessReport
from hibtest.inside.shell import NobodyListens, Shell
from hibtest.probe.examiner import PORT

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
    result = shell.run(command, deadline, check=False, stdin=zipapp.probe())
    answer = answers.typed(answers.only(result, "plant"), answers.Planted)
    if result.status:
        raise GuestError(f"the probe's plant ended with status {result.status}")
    witnesses = answer.witnesses
    witnesses.get("clocks", {})["host"] = [before, time.time()]
    for name, planted in witnesses.items():
        if "error" in planted:
            raise GuestError(f"the witness {name} could not be planted: {planted['error']}")
    return answer.boot_id, witnesses, _places(answer.places)


def _places(facts: dict[str, Any]) -> Places:
    try:
        return Places.of(facts)
    except (AttributeError, TypeError, ValueError) as error:
        raise Garbled(f"the probe's places have another shape: {error}") from error


def check(
    shell: Shell, planted: Planted, patience: float, deadline: Deadline
) -> tuple[str, tuple[WitnessReport, ...]]:
    """Look at all witnesses.

    :return: The guest's boot_id and a report per witness that was planted.
    :raise Garbled: When the answer is none.
    """
    before = time.time()
    facts = next(_answers(shell, "check", patience, deadline), None)
    if facts is None:
        raise GuestError("the probe's check answered nothing")
    answer = answers.typed(facts, answers.Checked)
    looked = answer.witnesses or {}
    if "clocks" in looked and isinstance(looked["clocks"].found, dict):
        looked["clocks"].found["host"] = [before, time.time()]
    reports = tuple(_report(name, facts, looked.get(name)) for name, facts in planted.items())
    return answer.boot_id, reports


def _report(name: str, planted: Any, looked: answers.Looked | None) -> WitnessReport:
    if looked is None:
        error = "" if "lacking" in planted else "not there any more"
        return WitnessReport(name=name, planted=planted, error=error)
    return WitnessReport(name=name, planted=planted, found=looked.found, error=looked.error)


def audit(shell: Shell, patience: float, deadline: Deadline) -> tuple[AuditReport, ...]:
    """Exercise all that a hibernation switches off or reserves.

    An exercise that does not come back is reported as not working, by name.
    """
    reports: list[AuditReport] = []
    running = ""
    try:
        for entry in _answers(shell, "audit", patience, deadline):
            if "begin" in entry:
                running = answers.typed(entry, answers.Begun).begin
                continue
            running = ""
            done = answers.typed(entry, answers.Exercised)
            reports.append(
                AuditReport(name=done.name, ok=done.ok, detail=done.detail, seconds=done.seconds)
            )
    except (GuestError, DeadlineExpired) as error:
        if not running or isinstance(error, Garbled):
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
            yield answers.told(line, command)


def _examined(lines: Iterable[str], command: str) -> Iterator[dict[str, Any]]:
    for line in lines:
        answer = answers.told(line, command)
        if "status" in answer:
            return
        yield answer
    raise GuestError(
        f"the probe's {command} broke off; /run/hibtest/examiner.log in the guest says why"
    )
