"""Rules on a life that went on: after a resume, or after a hibernation that was refused."""

import errno

from hibtest import story
from hibtest.evidence import Boot, Evidence
from hibtest.spec import FailIo, KernelMethod, Mode, Mounts, Outcome, Role, Scenario
from hibtest.spec.course import course
from hibtest.verdict.back import came_back, stayed
from hibtest.verdict.explaining import broken, looked_at, with_it
from hibtest.verdict.finding import Finding, Rule, corrupt, each, found
from hibtest.verdict.refused import refused, refused_later, was_refused


def _other_life(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    life = evidence.boots[0].boot_id
    for boot in evidence.boots[1:]:
        asked = boot.boot_id or not (boot.power_cut or boot.hang or boot.panic)
        if boot.resumed and asked and boot.boot_id != life:
            reason = f"boot_id is {boot.boot_id or 'unknown'}, was {life}"
            return corrupt("boot-id", boot, reason, "boots[*].boot_id")
    return None


def _broken(boot: Boot) -> Finding | None:
    """The kernel lost a CPU, or a task in its own code: what the guest lacks is lacking for it."""
    cause = broken(boot)
    if cause is None:
        return None
    return corrupt(cause.name, boot, f"{cause.reason}{with_it(looked_at(boot))}")


def _looked_at(boot: Boot) -> Finding | None:
    """All witnesses are what was planted, and all that is exercised works."""
    wrong = looked_at(boot)
    if not wrong:
        return None
    first, *others = wrong
    more = f" (and {len(first.said) - 1} more)" if len(first.said) > 1 else ""
    return corrupt(first.cause, boot, f"{first.said[0]}{more}{with_it(others)}", first.field)


def _steps(boot: Boot) -> Finding | None:
    """What the scenario asked of a resumed guest was done."""
    for step in boot.steps:
        if not step.ok:
            reason = f"step {step.name}: {step.detail}"
            return corrupt("step-failed", boot, reason, "boots[*].steps")
    return None


def _garbled(boot: Boot) -> Finding | None:
    """What was planted in the guest answers with what it never says."""
    if not boot.garbled:
        return None
    return corrupt("witness-answer", boot, boot.garbled, "boots[*].garbled")


def _not_looked_at(boot: Boot) -> Finding | None:
    """A life that went on and was not examined proves nothing."""
    lives_on = boot.resumed or was_refused(boot) or came_back(boot)
    looked_for = lives_on and boot.role is not Role.COLD and not boot.power_cut
    if not looked_for or (boot.witnesses and boot.audits):
        return None
    reason = f"{boot.directory} boot: witnesses or audit are missing"
    fields = ("boots[*].witnesses", "boots[*].audits")
    return found(Outcome.INVALID, "not-examined", reason, *fields)


def _kernel_log(scenario: Scenario, evidence: Evidence) -> Finding | None:
    asked = {"io-error"} if any(isinstance(one.what, FailIo) for one in scenario.faults) else set()
    for boot in evidence.boots:
        # without its journal's replay a filesystem is not what it should be
        unreplayed = boot.role is Role.RESCUE and scenario.mounts is Mounts.UNTOUCHED
        fine = {*asked, "io-error"} if unreplayed else asked
        cause = story.trouble([mark for mark in boot.marks if mark.name not in fine])
        if cause:
            return corrupt(cause.name, boot, cause.reason)
    return None


def _left_armed(boot: Boot) -> Finding | None:
    """An image is used up after a resume, and taken back when a hibernation is refused.

    Whoever leaves it armed has not cleaned up after it either: that explains slots of the swap.
    """
    attempt, header = boot.attempt, boot.header
    if boot.role is Role.COLD or attempt is None or attempt.errno is None or not boot.armed:
        return None
    back = "came back" if came_back(boot) else "was refused"
    what = "resumed" if boot.resumed else back
    left = "its image is still there"
    if header is not None and header.armed:
        left = f"the swap still carries {header.sig}"
    wrong = f"the guest {what}, but {left}{with_it(looked_at(boot))}"
    return corrupt("still-armed", boot, wrong, "boots[*].header", "boots[*].agent_image")


def _flags(scenario: Scenario, evidence: Evidence) -> Finding | None:
    """An image has the flag of mode platform after a hibernation in that mode, and only then."""
    if not isinstance(scenario.method, KernelMethod):
        return None
    platform = scenario.method.mode is Mode.PLATFORM
    for boot in evidence.boots:
        attempt, header = boot.attempt, boot.header
        if attempt is None or attempt.errno is not None or header is None:
            continue
        if ("PLATFORM_MODE" in header.flag_names) is not platform:
            wrong = f"mode {attempt.mode}, but the image's flags are {header.flag_names}"
            return corrupt("header-flags", boot, wrong, "boots[*].header")
    return None


def _used_twice(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    boot = evidence.boots[-1]
    if boot.role is not Role.COLD:
        return None
    if boot.resumed:
        return corrupt("resumed-twice", boot, "the image was resumed a second time")
    lives = {other.boot_id for other in evidence.boots[:-1]}
    if boot.boot_id in lives:
        return corrupt("resumed-twice", boot, "the guest did not start afresh")
    return None


def _failures(boot: Boot) -> Finding | None:
    """What was made to fail has failed, with everything undone."""
    for attempt in boot.failures:
        if not attempt.errno:
            wrong = f"the save that was to fail at {attempt.asked} did not fail"
        elif attempt.errno == errno.ENOTRECOVERABLE:
            wrong = f"after failing at {attempt.asked}, {attempt.detail}"
        else:
            continue
        return corrupt("failure", boot, wrong, "boots[*].failures")
    return None


def _unfinished(scenario: Scenario, evidence: Evidence) -> Finding | None:
    """All boots of a full cycle must be there before it may be called resumed."""
    if len(evidence.boots) == len(course(scenario)):
        return None
    reason = f"the run ended after the {evidence.boots[-1].directory} boot"
    return found(Outcome.INVALID, "unfinished", reason, "boots")


_WHICH: tuple[Rule, ...] = (each(_garbled), _other_life)
_LOST: tuple[Rule, ...] = (*_WHICH, each(_broken))
_WHAT: tuple[Rule, ...] = (each(_looked_at), _kernel_log, each(_steps))
# What differs in a life that went on, whatever came after it.
DAMAGE_RULES: tuple[Rule, ...] = (*_LOST, *_WHAT, each(_failures))
# The same, that no image was left behind, and that it was looked at; then how it ended.
LOOK_RULES: tuple[Rule, ...] = (*_LOST, each(_left_armed), *_WHAT, each(_not_looked_at))
END_RULES: tuple[Rule, ...] = (
    _flags,
    _used_twice,
    each(_failures),
    refused,
    each(refused_later),
    stayed,
    _unfinished,
)
