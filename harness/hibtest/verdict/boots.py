"""Rules on how the boots of a run ended: harness trouble, panics, hangs, refusals, cold boots."""

from hibtest import story
from hibtest.evidence import Boot, Evidence, QmpEvent
from hibtest.spec import Mode, Outcome, Role, Scenario
from hibtest.verdict.finding import Finding, Rule


def _trouble(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    trouble = evidence.trouble
    if trouble is None:
        return None
    reason = f"{trouble.message} ({trouble.hint})" if trouble.hint else trouble.message
    return Finding(
        outcome=Outcome.INVALID,
        cause=trouble.kind,
        reason=reason,
        rests_on=("evidence.json: trouble",),
    )


def _nothing(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    if evidence.boots:
        return None
    return Finding(outcome=Outcome.INVALID, cause="no-boot", reason="no machine was started")


def _qemu_died(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    for boot in evidence.boots:
        if boot.exit is None or boot.exit.returncode in (0, None):
            continue
        code = boot.exit.returncode
        how = f"died of signal {-code}" if code < 0 else f"exited with status {code}"
        last = boot.exit.stderr.strip().splitlines()[-1:] or ["nothing on its standard error"]
        return Finding(
            outcome=Outcome.INVALID,
            cause="qemu-died",
            reason=f"QEMU {how} in the {boot.directory} boot: {last[0]}",
            rests_on=(f"{boot.directory}/qemu.stderr",),
        )
    return None


def _ended_from_outside(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    for boot in evidence.boots:
        shutdown = _event(boot, "SHUTDOWN")
        if boot.exit is None or boot.exit.returncode is None or shutdown is None:
            continue
        if not shutdown.data.get("guest"):
            return Finding(
                outcome=Outcome.INVALID,
                cause="ended-from-outside",
                reason=f"the {boot.directory} machine was ended from outside: "
                f"{shutdown.data.get('reason')}",
                rests_on=(f"{boot.directory}/qmp.jsonl",),
            )
    return None


def _silent_end(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    """QEMU tells why it ends whenever it ends by itself: what we did not hear, we cannot judge."""
    for boot in evidence.boots:
        if not _ended_alone(boot) or _event(boot, "SHUTDOWN") is not None:
            continue
        return Finding(
            outcome=Outcome.INVALID,
            cause="no-shutdown-event",
            reason=f"QEMU ended in the {boot.directory} boot with no SHUTDOWN event on its monitor",
            rests_on=(f"{boot.directory}/qmp.jsonl",),
        )
    return None


def _panicked(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    for boot in evidence.boots:
        stage = str(boot.stages[-1].stage) if boot.stages else ""
        rests_on = (f"{boot.directory}/console.log",)
        if boot.panic:
            reason = f"in {stage} of the {boot.directory} boot: {boot.panic}"
            return Finding(
                outcome=Outcome.PANIC,
                cause=stage,
                reason=reason,
                rests_on=rests_on,
                detail="\n".join(boot.last_lines),
            )
        shutdown = _event(boot, "SHUTDOWN")
        if _ended_alone(boot) and shutdown and shutdown.data.get("reason") == "guest-reset":
            reason = f"the machine was reset in {stage} of the {boot.directory} boot, with no panic"
            return Finding(outcome=Outcome.PANIC, cause=stage, reason=reason, rests_on=rests_on)
    return None


def _hung(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    for boot in evidence.boots:
        if boot.hang is None:
            continue
        hang = boot.hang
        last = hang.lines[-1] if hang.lines else "nothing"
        late = f" did not come within {hang.limit:.0f} s" if hang.limit else ""
        return Finding(
            outcome=Outcome.HUNG,
            cause=str(hang.stage),
            reason=f"in {hang.stage} of the {boot.directory} boot: {hang.what}{late}; "
            f"last line: {last}",
            rests_on=(f"{boot.directory}/console.log",),
            detail="\n".join(hang.lines),
        )
    return None


def _not_started(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    """A guest that never got ready: before a hibernation our trouble, afterwards its damage."""
    for boot in evidence.boots:
        if boot.ready or boot.resumed or boot.power_cut:
            continue
        gave_up = story.why_not_ready(boot.marks)
        why = gave_up.reason if gave_up else "the machine ended before the guest was ready"
        reason = f"{boot.directory} boot: {why}"
        rests_on = (f"{boot.directory}/console.log",)
        if boot.role is Role.SAVE:
            return Finding(
                outcome=Outcome.INVALID, cause="guest-not-ready", reason=reason, rests_on=rests_on
            )
        return Finding(
            outcome=Outcome.CORRUPT, cause="start-failed", reason=reason, rests_on=rests_on
        )
    return None


def _no_power_off(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    save = evidence.boots[0]
    if save.attempt is None or save.attempt.errno != 0:
        return None
    return Finding(
        outcome=Outcome.CORRUPT,
        cause="no-power-off",
        reason="the write to /sys/power/state returned 0 in the save boot, with the power still on",
        rests_on=(f"{save.directory}/console.log",),
    )


def _not_attempted(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    if evidence.boots[0].attempt is not None:
        return None
    return Finding(
        outcome=Outcome.INVALID,
        cause="not-attempted",
        reason="the save boot ended before a hibernation was tried",
        rests_on=(f"{evidence.boots[0].directory}/console.log",),
    )


def _power_off(scenario: Scenario, evidence: Evidence) -> Finding | None:
    """ACPI S4 must be entered in platform mode, and only there, before the power goes off."""
    for boot in _hibernated(evidence):
        shutdown, suspend = _event(boot, "SHUTDOWN"), _event(boot, "SUSPEND_DISK")
        platform = scenario.method.mode is Mode.PLATFORM
        if shutdown is None or shutdown.data.get("reason") != "guest-shutdown":
            wrong = "QEMU reported no power-off by the guest (SHUTDOWN, guest-shutdown)"
        elif platform and (suspend is None or suspend.t > shutdown.t):
            wrong = "mode platform, but ACPI S4 was not entered (no SUSPEND_DISK before SHUTDOWN)"
        elif not platform and suspend is not None:
            wrong = "mode shutdown, but ACPI S4 was entered (SUSPEND_DISK)"
        else:
            continue
        return Finding(
            outcome=Outcome.CORRUPT,
            cause="power-off",
            reason=f"{boot.directory} boot: {wrong}",
            rests_on=(f"{boot.directory}/qmp.jsonl",),
        )
    return None


def _cold_boot(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    for before, boot in zip(evidence.boots, evidence.boots[1:], strict=False):
        if boot.role is not Role.RESUME or boot.resumed or boot.power_cut:
            continue
        cause, why = _why_cold(before, boot)
        left = " (the image is still armed)" if boot.armed else ""
        return Finding(
            outcome=Outcome.COLD_BOOT,
            cause=cause,
            reason=f"the {boot.directory} boot started afresh: {why}{left}",
            rests_on=(f"{boot.directory}/console.log", "boots[*].header"),
        )
    return None


def _why_cold(before: Boot, boot: Boot) -> tuple[str, str]:
    if not before.armed:
        off = "the power was cut" if before.power_cut else "the power-off"
        return "not-armed", f"there was no image after {off}"
    cause = story.why_cold(boot.marks)
    return (cause.name, cause.reason) if cause else ("no-attempt", "no resume was tried")


def _event(boot: Boot, name: str) -> QmpEvent | None:
    return next((event for event in boot.qmp if event.name == name), None)


def _ended_alone(boot: Boot) -> bool:
    return boot.exit is not None and boot.exit.returncode is not None


def _hibernated(evidence: Evidence) -> list[Boot]:
    """Return the boots that tried to hibernate and ended by themselves."""
    return [
        boot
        for boot in evidence.boots
        if boot.attempt is not None and boot.attempt.errno is None and _ended_alone(boot)
    ]


BOOT_RULES: tuple[Rule, ...] = (
    _trouble,
    _nothing,
    _qemu_died,
    _ended_from_outside,
    _silent_end,
    _panicked,
    _hung,
    _not_started,
    _not_attempted,
    _no_power_off,
    _power_off,
    _cold_boot,
)
