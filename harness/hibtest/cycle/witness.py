"""What is planted in the guest before the snapshot, and looked at afterwards, by the probe."""

import json
import re
import shlex
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hibtest.cycle import answers
from hibtest.cycle.answers import Garbled
from hibtest.cycle.probe import Probe
from hibtest.cycle.proof.kernel import Places
from hibtest.deadline import Deadline, DeadlineExpired
from hibtest.errors import GuestError
from hibtest.evidence import AuditReport, Levels, WitnessReport

Planted = dict[str, Any]
# The witness that counts on the console, and its lines there (hibtest/probe/witnesses/console.py).
COUNTING = "working-console"
_WRITERS = "storage-"  # hibtest/probe/witnesses/storage.py
_COUNTS = re.compile(rb"hibtest counts (\d{1,9})\r?$", re.MULTILINE)


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


def acknowledged(facts: Planted) -> dict[str, int]:
    """Return the last number that each writer has acknowledged, of what is known of witnesses."""
    found = {
        name: one.get("acknowledged")
        for name, one in facts.items()
        if name.startswith(_WRITERS) and isinstance(one, dict)
    }
    return {name: number for name, number in found.items() if isinstance(number, int)}


def read_back(
    probe: Probe, acknowledged: dict[str, int], deadline: Deadline
) -> tuple[WitnessReport, ...]:
    """Look, in a life that started afresh, at what the writers of the one before left.

    :raise Garbled: When the answer is none.
    """
    command = f"read-back {shlex.quote(json.dumps(acknowledged))}"
    found = answers.typed(probe.ask(command, deadline), dict[str, Any])
    return tuple(
        WitnessReport(name=name, planted={"acknowledged": number}, found=found.get(name))
        for name, number in acknowledged.items()
    )


def levels(probe: Probe, deadline: Deadline) -> Levels:
    """Ask what is in use.

    :raise Garbled: When the answer is none.
    """
    before = time.time()
    facts = next(probe.stream("levels", deadline), None)
    if facts is None:
        raise GuestError("the probe's levels answered nothing")
    return replace(answers.typed(facts, Levels), host=(before, time.time()))


def heard(
    reports: tuple[WitnessReport, ...], here: Path, past: Iterable[Path]
) -> tuple[WitnessReport, ...]:
    """Add to the witness that counts on the console what the consoles of a run have of it.

    :param here: The directory of the boot in which it was looked at.
    :param past: Those of the boots that are in the past of its life.
    :return: The reports; its ``"console"`` is ``{"now", "before"}``: the numbers that it said in
        this boot, and the highest of those before.
    """
    now = _said(here)
    earlier = [number for boot in past for number in _said(boot)]
    told = {"now": now, "before": max(earlier, default=0)}
    return tuple(
        replace(one, found={**one.found, "console": told})
        if one.name == COUNTING and isinstance(one.found, dict)
        else one
        for one in reports
    )


def _said(boot: Path) -> list[int]:
    try:
        text = (boot / "console.log").read_bytes()
    except FileNotFoundError:
        return []
    return [int(number) for number in _COUNTS.findall(text)]


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
