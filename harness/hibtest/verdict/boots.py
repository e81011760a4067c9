"""Rules on how the boots of a run ended: harness trouble, panics, hangs, refusals, cold boots."""

from itertools import pairwise

from hibtest import story
from hibtest.evidence import Boot, Evidence, QmpEvent
from hibtest.spec import Mode, Outcome, Role, Scenario
from hibtest.verdict.back import came_back, end_of
from hibtest.verdict.before import preceded
from hibtest.verdict.finding import Finding, Rule, console, corrupt, each, found, qmp
from hibtest.verdict.places import elsewhere, image_in, lost
from hibtest.verdict.refused import rolled_back


def _trouble(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    trouble = evidence.trouble
    if trouble is None:
        return None
    reason = f"{trouble.message} ({trouble.hint})" if trouble.hint else trouble.message
    return found(Outcome.INVALID, trouble.kind, reason, "evidence.json: trouble")


def _nothing(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    return None if evidence.boots else found(Outcome.INVALID, "no-boot", "no machine was started")


def _qemu_died(boot: Boot) -> Finding | None:
    if boot.exit is None or boot.exit.returncode in (0, None):
        return None
    code = boot.exit.returncode
    how = f"died of signal {-code}" if code < 0 else f"exited with status {code}"
    last = boot.exit.stderr.strip().splitlines()[-1:] or ["nothing on its standard error"]
    reason = f"QEMU {how} in the {boot.directory} boot: {last[0]}"
    return found(Outcome.INVALID, "qemu-died", reason, f"{boot.directory}/qemu.stderr")


def _ended_from_outside(boot: Boot) -> Finding | None:
    shutdown = _event(boot, "SHUTDOWN")
    if not _ended_alone(boot) or shutdown is None or shutdown.data.get("guest"):
        return None
    why = shutdown.data.get("reason")
    reason = f"the {boot.directory} machine was ended from outside: {why}"
    return found(Outcome.INVALID, "ended-from-outside", reason, qmp(boot))


def _silent_end(boot: Boot) -> Finding | None:
    """QEMU tells why it ends whenever it ends by itself: what we did not hear, we cannot judge."""
    if not _ended_alone(boot) or _event(boot, "SHUTDOWN") is not None:
        return None
    reason = f"QEMU ended in the {boot.directory} boot with no SHUTDOWN event on its monitor"
    return found(Outcome.INVALID, "no-shutdown-event", reason, qmp(boot))


def _panicked(boot: Boot) -> Finding | None:
    stage = str(boot.stages[-1].stage) if boot.stages else ""
    if boot.panic:
        reason = f"in {stage} of the {boot.directory} boot: {boot.panic}{preceded(boot)}"
        lines = "\n".join(boot.last_lines)
        return found(Outcome.PANIC, stage, reason, console(boot), detail=lines)
    shutdown = _event(boot, "SHUTDOWN")
    reset = shutdown and shutdown.data.get("reason") == "guest-reset"
    if _ended_alone(boot) and reset and not _rebooted(boot):
        where = f"{stage} of the {boot.directory} boot"
        reason = f"the machine was reset in {where}, with no panic{preceded(boot)}"
        return found(Outcome.PANIC, stage, reason, console(boot))
    return None


def _rebooted(boot: Boot) -> bool:
    """Return whether the kernel has reset the machine on purpose: mode reboot."""
    asked = boot.attempt is not None and boot.attempt.mode == Mode.REBOOT
    return asked and any(mark.name == "restarts" for mark in story.last_try(boot.marks))


def _hung(boot: Boot) -> Finding | None:
    hang = boot.hang
    if hang is None:
        return None
    last = hang.lines[-1] if hang.lines else "nothing"
    late = f" did not come within {hang.limit:.0f} s" if hang.limit else ""
    where = f"in {hang.stage} of the {boot.directory} boot"
    reason = f"{where}: {hang.what}{late}; last line: {last}{preceded(boot)}"
    lines = "\n".join(hang.lines)
    return found(Outcome.HUNG, str(hang.stage), reason, console(boot), detail=lines)


def _not_started(boot: Boot) -> Finding | None:
    """A guest that never got ready: before a hibernation our trouble, afterwards its damage."""
    if boot.ready or boot.resumed or boot.power_cut:
        return None
    gave_up = story.why_not_ready(boot.marks)
    why = gave_up.reason if gave_up else "the machine ended before the guest was ready"
    if boot.role is not Role.SAVE:
        return corrupt("start-failed", boot, why)
    reason = f"{boot.directory} boot: {why}"
    return found(Outcome.INVALID, "guest-not-ready", reason, console(boot))


def _not_attempted(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    save = evidence.boots[0]
    if save.attempt is not None:
        return None
    reason = "the save boot ended before a hibernation was tried"
    return found(Outcome.INVALID, "not-attempted", reason, console(save))


def _no_power_off(scenario: Scenario, evidence: Evidence) -> Finding | None:
    save = evidence.boots[0]
    if scenario.comes_back or not came_back(save) or rolled_back(save):
        return None
    reason = "the write to /sys/power/state returned 0 in the save boot, with the power still on"
    return found(Outcome.CORRUPT, "no-power-off", reason, console(save))


def _power_off(scenario: Scenario, evidence: Evidence) -> Finding | None:
    """ACPI S4 must be entered in platform mode, and only there, before the power goes off.

    In mode reboot the machine must be reset; in others it must not end at all.
    """
    for boot in _hibernated(evidence):
        shutdown = _event(boot, "SHUTDOWN")
        ended = end_of(scenario, shutdown.data.get("reason", "") if shutdown else "")
        if wrong := ended or _s4(scenario.method.mode, boot):
            return corrupt("power-off", boot, wrong, qmp(boot))
    return None


def _s4(mode: Mode, boot: Boot) -> str:
    """Return what is wrong with the entering of ACPI S4; empty: nothing is."""
    shutdown, suspend = _event(boot, "SHUTDOWN"), _event(boot, "SUSPEND_DISK")
    if mode is not Mode.PLATFORM:
        return "" if suspend is None else f"mode {mode}, but ACPI S4 was entered (SUSPEND_DISK)"
    if suspend is None or shutdown is None or suspend.t > shutdown.t:
        s4 = "ACPI S4 was not entered (no SUSPEND_DISK before SHUTDOWN)"
        return f"mode platform, but {s4}{_refuser(boot)}"
    return ""


def _refuser(boot: Boot) -> str:
    """Say which device was in the way of ACPI S4: the kernel powers off without it then."""
    told = story.refusal(story.last_try(boot.marks))
    return f"; {told.reason}" if told else ""


def _cold_boot(scenario: Scenario, evidence: Evidence) -> Finding | None:
    saved = evidence.boots[0]
    for before, boot in pairwise(evidence.boots):
        saved = before if before.attempt is not None else saved
        if boot.role is not Role.RESUME or boot.resumed or boot.power_cut:
            continue
        cause, why = _why_cold(saved, before, boot, moved=scenario.resume.reordered)
        moved = _moved(boot) if cause == "image-refused" else ""
        left = " (the image is still armed)" if boot.armed else ""
        reason = f"the {boot.directory} boot started afresh: {why}{moved}{left}"
        return found(Outcome.COLD_BOOT, cause, reason, console(boot), "boots[*].header")
    return None


def _moved(boot: Boot) -> str:
    """Say what of the memory map is another than when the image was made."""
    first, *others = boot.map_changes or (None,)
    more = f", and {len(others)} more of its entries" if others else ""
    return f"; the memory map is another: {first}{more}" if first else ""


def _why_cold(saved: Boot, before: Boot, boot: Boot, *, moved: bool) -> tuple[str, str]:
    """Return cause and reason.

    :param saved: The boot that hibernated; ``before``: the one right before, in which the image may
        have waited.
    :param moved: Whether disks have changed places.
    """
    if not before.armed:
        off = "the power was cut" if before.power_cut else "the power-off"
        wrote = f": {where}" if (where := lost(saved)) else ""
        return "not-armed", f"there was no image after {off}{wrote}"
    cause = story.why_cold(boot.marks)
    where = elsewhere(saved, boot, moved=moved)
    if cause is not None and cause.name == "no-image" and where:
        return "no-image", f"{cause.reason}: {where}"
    if cause is None or cause.name in {"no-image", "no-resume-device"}:
        name, why = (cause.name, cause.reason) if cause else ("no-attempt", "no resume was tried")
        lies = image_in(saved)
        return name, f"{why}; the image's header is at {lies}" if lies else why
    return cause.name, cause.reason


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
    each(_qemu_died),
    each(_ended_from_outside),
    each(_silent_end),
    each(_panicked),
    each(_hung),
    each(_not_started),
    _not_attempted,
    _no_power_off,
    _power_off,
    _cold_boot,
)
