"""Rules on a hibernation that was refused: by whom, in which stage, and what that explains."""

import errno

from hibtest import story
from hibtest.evidence import Attempt, AuditReport, Boot, Evidence
from hibtest.spec import Outcome, Scenario
from hibtest.story.refusals import ROLLED_BACK
from hibtest.verdict.finding import Finding, console, found
from hibtest.verdict.places import no_swap

# What the audit says of a kernel that did not offer to hibernate before either, by exercise. One
# that had offered it complains of the change, too (hibtest/probe/audit/power.py).
_OFF = {
    "power-settings": "state does not offer disk",
    "snapshot-device": "EPERM /dev/snapshot: Operation not permitted",
}


def rolled_back(boot: Boot) -> bool:
    """Return whether the kernel took its image back: an event woke the machine, and it lives on.

    write(2) returns 0 then: power_down(), kernel/power/hibernate.c, 6.1 to 7.3.
    """
    tried = boot.attempt is not None and boot.attempt.errno == 0
    return tried and any(mark.name == ROLLED_BACK for mark in story.last_try(boot.marks))


def was_refused(boot: Boot) -> bool:
    """Return whether a hibernation came to nothing in this boot, with the power on."""
    return boot.attempt is not None and (bool(boot.attempt.errno) or rolled_back(boot))


def was_off(boot: Boot) -> bool:
    """Return whether hibernation was off before it was tried.

    Each way there is to switch it off ends in EPERM before anything has begun: nohibernate,
    lockdown, memfd_secret (hibernation_available(), kernel/power/hibernate.c, 6.1 to 7.3).
    """
    if boot.attempt is None or boot.attempt.errno != errno.EPERM:
        return False
    begun = {"entry", "freeze-user", "agent-freeze"}
    return not any(mark.name in begun for mark in story.last_try(boot.marks))


def of_the_refusal(boot: Boot, report: AuditReport) -> bool:
    """Return whether an audit complains of nothing but what the refusal itself brings about.

    That hibernation is off, as it was; or the count of devices that refused: dpm_save_failed_step()
    in drivers/base/power/main.c, 6.1 to 7.3.
    """
    if report.name == "power-statistics":
        told = story.refusal(story.last_try(boot.marks)) if was_refused(boot) else None
        counted = report.detail.startswith("failures were counted: ")
        return counted and told is not None and told.mark == "device-failed"
    return was_off(boot) and report.detail == _OFF.get(report.name)


def refused(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    """The first hibernation was refused, in a guest in good order otherwise."""
    save = evidence.boots[0]
    if save.attempt is None or not was_refused(save):
        return None
    reason = f"{_who(save.attempt)}{_why(save)}; the guest lives on in good order"
    return found(Outcome.REFUSED, _name(save), reason, "boots[0].attempt", console(save))


def refused_later(boot: Boot) -> Finding | None:
    """A hibernation after the first was refused, in a life in good order otherwise."""
    if boot.attempt is None or not was_refused(boot):
        return None
    first = "the first hibernation resumed, the next in the same life was refused"
    reason = f"{first}: {_name(boot)}{_why(boot)}"
    return found(Outcome.REFUSED, _name(boot), reason, console(boot))


def _name(boot: Boot) -> str:
    code = boot.attempt.errno if boot.attempt else None
    return errno.errorcode.get(code, str(code)) if code else ROLLED_BACK


def _who(attempt: Attempt) -> str:
    """Say who refused."""
    if not attempt.errno:
        return "the kernel took its image back, and the write to /sys/power/state returned 0"
    name = errno.errorcode.get(attempt.errno, str(attempt.errno))
    if attempt.mode == "agent":
        said, _, why = attempt.detail.partition(" ")
        return f"the agent gave up: {why if said in why else attempt.detail}"
    return f"the write to /sys/power/state returned {name}"


def _why(boot: Boot) -> str:
    """Say in which stage it was refused, and why, as far as the kernel tells."""
    part = story.last_try(boot.marks)
    told = story.refusal(part)
    said = f": {told.reason}" if told else ""
    if told is not None and told.mark == "no-swap" and (where := no_swap(boot)):
        said = f"{said}; {where}"
    if was_off(boot):
        return f"; hibernation was off before it was tried{said}"
    upto = part[: told.at + 1] if told else part
    return f" in {story.stage_of(upto)}{said}" if part else ""
