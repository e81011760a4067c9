"""Rules on a machine that hibernates and goes on: a rehearsal, mode suspend, mode test_resume."""

import re

from hibtest import story
from hibtest.evidence import AuditReport, Boot, Evidence
from hibtest.spec import KernelMethod, Mode, Outcome, PmTest, Scenario
from hibtest.verdict.finding import Finding, corrupt, found, qmp

_CLOCK = re.compile(r"1 of \d+ differ: ff_rt_clk was 'disabled', is 'EN( STS)? enabled'")
# Which levels go on until the other CPUs are down.
_ALONE = {PmTest.PROCESSORS, PmTest.CORE}


def came_back(boot: Boot) -> bool:
    """Return whether the write returned in the boot that it was made in, as if all were well."""
    return boot.ready and boot.attempt is not None and boot.attempt.errno == 0


def woke(boot: Boot) -> bool:
    """Return whether it has slept in ACPI S3, and was woken."""
    return came_back(boot) and any(event.name == "SUSPEND" for event in boot.qmp)


def of_the_sleep(boot: Boot, report: AuditReport) -> bool:
    """Return whether an audit complains of nothing but what ACPI S3 brings about by itself.

    Debian's 6.1, 6.12 and 7.3 find the event of the clock enabled after an S3 in QEMU 10.0; of 6.12
    it is known that it does without a hibernation too.
    """
    return report.name == "acpi-events" and woke(boot) and bool(_CLOCK.fullmatch(report.detail))


def stayed(scenario: Scenario, evidence: Evidence) -> Finding | None:
    """What was to come back has, and has been where it was to go."""
    save, method = evidence.boots[0], scenario.method
    if not isinstance(method, KernelMethod) or not scenario.comes_back or not came_back(save):
        return None
    if method.rehearses:
        wrong = _not_rehearsed(save, method.pm_test, scenario.guest.vcpus)
        return corrupt("not-rehearsed", save, wrong) if wrong else None
    if method.mode is Mode.TEST_RESUME and not save.resumed:
        wrong = "the write to /sys/power/state returned 0, and no image was loaded"
        return corrupt("not-restored", save, wrong)
    if method.mode is Mode.SUSPEND and not woke(save):
        wrong = "the write to /sys/power/state returned 0, and ACPI S3 was not entered (no SUSPEND)"
        return corrupt("power-off", save, wrong, qmp(save))
    return None


def _not_rehearsed(save: Boot, level: PmTest, vcpus: int) -> str:
    """Return why a rehearsal has not gone as far as it was to, and no further; empty: it has."""
    names = [mark.name for mark in story.last_try(save.marks)]
    if "rehearses" not in names:
        return f"pm_test {level} was set, and the kernel did not rehearse"
    if {"created", "write", "armed"} & set(names):
        return f"pm_test {level} was set, and an image was made"
    alone = "vcpus" in names[: names.index("rehearses")]
    if vcpus > 1 and alone is not (level in _ALONE):
        were = "were" if alone else "were not"
        return f"pm_test {level} was set, and the other CPUs {were} taken down for it"
    return ""


def rehearsed(scenario: Scenario, seen: str, witnesses: int) -> Finding | None:
    """Return what a rehearsal came to of which all is in order; ``None``: it was none."""
    method = scenario.method
    if not isinstance(method, KernelMethod) or not method.rehearses:
        return None
    reason = f"pm_test {method.pm_test} came back; {witnesses} witnesses and exercises in order"
    return found(Outcome.REHEARSED, "", reason, "boots[0].witnesses", "boots[0].audits", seen)


def way_of(scenario: Scenario) -> str:
    """Return how a guest came back that lives on, in words: ``resumed once``."""
    method = scenario.method
    if scenario.comes_back and method.mode is Mode.SUSPEND:
        return "slept with its image written, and woke"
    if scenario.comes_back and method.mode is Mode.TEST_RESUME:
        return "restored its own image at once"
    times = "once" if scenario.lives == 1 else f"{scenario.lives} times in the same life"
    return f"resumed {times}"


def end_of(scenario: Scenario, shutdown: str) -> str:
    """Return what is wrong with how a machine ended that hibernated; empty: nothing is.

    :param shutdown: The reason that QEMU gave; empty: none.
    """
    mode = scenario.method.mode
    if scenario.comes_back:
        how = "a rehearsal" if scenario.method.rehearses else f"mode {mode}"
        return f"{how}, but the machine did not come back: it ended ({shutdown or 'no SHUTDOWN'})"
    if mode is Mode.REBOOT:
        right = shutdown == "guest-reset"
        return "" if right else "mode reboot, but QEMU reported no reset (SHUTDOWN, guest-reset)"
    if shutdown != "guest-shutdown":
        return "QEMU reported no power-off by the guest (SHUTDOWN, guest-shutdown)"
    return ""
