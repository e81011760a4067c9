"""What is planted in the guest before the snapshot, and looked at afterwards, by the probe."""

import time
from typing import Any

from hibtest.cycle import answers
from hibtest.cycle.answers import Garbled
from hibtest.cycle.probe import Probe
from hibtest.cycle.proof.kernel import Places
from hibtest.deadline import Deadline, DeadlineExpired
from hibtest.errors import GuestError
from hibtest.evidence import AuditReport, WitnessReport

Planted = dict[str, Any]


def plant(probe: Probe, deadline: Deadline) -> tuple[str, Planted, Places]:
    """Plant the witnesses.

    :return: The guest's boot_id, what each witness was planted as, and where things of the
        guest's kernel lie.
    :raise GuestError: When one could not be planted.
    """
    before = time.time()
    answer = answers.typed(probe.ask("plant", deadline), answers.Planted)
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
    probe: Probe, planted: Planted, deadline: Deadline
) -> tuple[str, tuple[WitnessReport, ...]]:
    """Look at all witnesses.

    :return: The guest's boot_id and a report per witness that was planted.
    :raise Garbled: When the answer is none.
    """
    before = time.time()
    facts = next(probe.stream("check", deadline), None)
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


def audit(probe: Probe, deadline: Deadline) -> tuple[AuditReport, ...]:
    """Exercise all that a hibernation switches off or reserves.

    An exercise that does not come back is reported as not working, by name.
    """
    reports: list[AuditReport] = []
    running = ""
    try:
        for entry in probe.stream("audit", deadline):
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
