"""Rules on a life that went on: after a resume, or after a hibernation that was refused."""

import errno

from hibtest import story
from hibtest.evidence import Attempt, Boot, Evidence, WitnessReport
from hibtest.spec import FailIo, KernelMethod, Mode, Outcome, Role, Scenario
from hibtest.spec.course import course
from hibtest.verdict.finding import Finding, Rule
from hibtest.verdict.witnesses import differences


def _corrupt(cause: str, boot: Boot, reason: str, *rests_on: str) -> Finding:
    return Finding(
        outcome=Outcome.CORRUPT,
        cause=cause,
        reason=f"{boot.directory} boot: {reason}",
        rests_on=rests_on or (f"{boot.directory}/console.log",),
    )


def _other_life(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    life = evidence.boots[0].boot_id
    for boot in evidence.boots[1:]:
        if boot.resumed and boot.boot_id != life:
            reason = f"boot_id is {boot.boot_id or 'unknown'}, was {life}"
            return _corrupt("boot-id", boot, reason, "boots[*].boot_id")
    return None


def _witnesses(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    for boot in evidence.boots:
        for report in boot.witnesses:
            wrong = _wrong_with(report)
            if wrong:
                more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
                reason = f"witness {wrong[0]}{more}"
                return _corrupt(
                    f"witness-{report.name.replace(' ', '-')}", boot, reason, "boots[*].witnesses"
                )
    return None


def _wrong_with(report: WitnessReport) -> tuple[str, ...]:
    if report.error:
        return (f"{report.name}: {report.error}",)
    return differences(report.name, report.planted, report.found)


def _audits(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    for boot in evidence.boots:
        failed = [report for report in boot.audits if report.ok is False]
        if failed:
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            reason = f"audit {failed[0].name}: {failed[0].detail}{more}"
            return _corrupt(f"audit-{failed[0].name}", boot, reason, "boots[*].audits")
    return None


def _steps(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    """What the scenario asked of a resumed guest was done."""
    for boot in evidence.boots:
        for step in boot.steps:
            if not step.ok:
                reason = f"step {step.name}: {step.detail}"
                return _corrupt("step-failed", boot, reason, "boots[*].steps")
    return None


def _garbled(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    """What was planted in the guest answers with what it never says."""
    for boot in evidence.boots:
        if boot.garbled:
            return _corrupt("witness-answer", boot, boot.garbled, "boots[*].garbled")
    return None


def _not_looked_at(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    """A life that went on and was not examined proves nothing."""
    for boot in evidence.boots:
        lives_on = boot.resumed or (boot.attempt is not None and bool(boot.attempt.errno))
        looked_for = lives_on and boot.role is not Role.COLD and not boot.power_cut
        if looked_for and not (boot.witnesses and boot.audits):
            return Finding(
                outcome=Outcome.INVALID,
                cause="not-examined",
                reason=f"{boot.directory} boot: witnesses or audit are missing",
                rests_on=("boots[*].witnesses", "boots[*].audits"),
            )
    return None


def _kernel_log(scenario: Scenario, evidence: Evidence) -> Finding | None:
    asked = {"io-error"} if any(isinstance(one.what, FailIo) for one in scenario.faults) else set()
    for boot in evidence.boots:
        cause = story.trouble([mark for mark in boot.marks if mark.name not in asked])
        if cause:
            return _corrupt(cause.name, boot, cause.reason)
    return None


def _header(scenario: Scenario, evidence: Evidence) -> Finding | None:
    """The image is armed after a hibernation, with the right flag, and used up after a resume."""
    for boot in evidence.boots:
        header = boot.header
        if boot.role is Role.COLD or boot.attempt is None:
            continue
        hibernated = boot.attempt.errno is None
        if boot.armed and not hibernated:
            what = "resumed" if boot.resumed else "was refused"
            left = (
                f"the swap still carries {header.sig}"
                if header and header.armed
                else "its image is still there"
            )
            wrong = f"the guest {what}, but {left}"
            return _corrupt("still-armed", boot, wrong, "boots[*].header", "boots[*].agent_image")
        if header is None or not isinstance(scenario.method, KernelMethod):
            continue
        platform = scenario.method.mode is Mode.PLATFORM
        if hibernated and ("PLATFORM_MODE" in header.flag_names) is not platform:
            wrong = f"mode {boot.attempt.mode}, but the image's flags are {header.flag_names}"
            return _corrupt("header-flags", boot, wrong, "boots[*].header")
    return None


def _used_twice(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    boot = evidence.boots[-1]
    if boot.role is not Role.COLD:
        return None
    if boot.resumed:
        return _corrupt("resumed-twice", boot, "the image was resumed a second time")
    lives = {other.boot_id for other in evidence.boots[:-1]}
    if boot.boot_id in lives:
        return _corrupt("resumed-twice", boot, "the guest did not start afresh")
    return None


def _who(attempt: Attempt) -> str:
    """Say who refused, and why."""
    if attempt.mode == "agent":
        name, _, why = attempt.detail.partition(" ")
        return f"the agent gave up: {why if name in why else attempt.detail}"
    name = errno.errorcode.get(attempt.errno or 0, str(attempt.errno))
    return f"the write to /sys/power/state returned {name}"


def _failures(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    """What was made to fail has failed, with everything undone."""
    for boot in evidence.boots:
        for attempt in boot.failures:
            if not attempt.errno:
                wrong = f"the save that was to fail at {attempt.asked} did not fail"
            elif attempt.errno == errno.ENOTRECOVERABLE:
                wrong = f"after failing at {attempt.asked}, {attempt.detail}"
            else:
                continue
            return _corrupt("failure", boot, wrong, "boots[*].failures")
    return None


def _refused(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    save = evidence.boots[0]
    if save.attempt is None or not save.attempt.errno:
        return None
    name = errno.errorcode.get(save.attempt.errno, str(save.attempt.errno))
    return Finding(
        outcome=Outcome.REFUSED,
        cause=name,
        reason=f"{_who(save.attempt)}; the guest lives on in good order",
        rests_on=("boots[0].attempt", f"{save.directory}/console.log"),
    )


def _refused_later(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    """A hibernation after the first was refused, in a life in good order otherwise."""
    for boot in evidence.boots[1:]:
        if boot.attempt is None or not boot.attempt.errno:
            continue
        name = errno.errorcode.get(boot.attempt.errno, str(boot.attempt.errno))
        return Finding(
            outcome=Outcome.REFUSED,
            cause=name,
            reason=f"the first hibernation resumed, the next in the same life was refused: {name}",
            rests_on=(f"{boot.directory}/console.log",),
        )
    return None


def _unfinished(scenario: Scenario, evidence: Evidence) -> Finding | None:
    """All boots of a full cycle must be there before it may be called resumed."""
    if len(evidence.boots) == len(course(scenario)):
        return None
    last = evidence.boots[-1]
    return Finding(
        outcome=Outcome.INVALID,
        cause="unfinished",
        reason=f"the run ended after the {last.directory} boot",
        rests_on=("boots",),
    )


LIFE_RULES: tuple[Rule, ...] = (
    _garbled,
    _other_life,
    _not_looked_at,
    _witnesses,
    _audits,
    _kernel_log,
    _steps,
    _header,
    _used_twice,
    _failures,
    _refused,
    _refused_later,
    _unfinished,
)
