"""Verdicts on a machine that hibernates and goes on, and on one that is reset on purpose."""

from dataclasses import replace

import pytest

from hibtest.evidence import Attempt, Boot, Evidence, Mark, QmpEvent
from hibtest.spec import (
    Expected,
    GuestSpec,
    KernelMethod,
    Mode,
    Outcome,
    PmTest,
    Scenario,
)
from hibtest.verdict import Verdict, judge
from tests.verdict.test_judge import ARMED, AUDIT, COLD, CUT, EVENTFD, GOOD, SAVE, USED

GUEST = GuestSpec(kernel="trixie")
S3 = QmpEvent(name="SUSPEND", t=9.0, data={})
RESET = QmpEvent(name="SHUTDOWN", t=9.5, data={"guest": True, "reason": "guest-reset"})
BACK = replace(
    SAVE,
    qmp=(),
    attempt=Attempt(mode="platform", errno=0),
    witnesses=(EVENTFD,),
    audits=(AUDIT,),
    exit=CUT,
    header=USED,
)
LINES = {
    "begins": "hibtest: hibernate platform begins",
    "vcpus": "Disabling non-boot CPUs ...",
    "rehearses": "PM: hibernation: debug: Waiting for 5 seconds.",
    "created": "PM: hibernation: Image created (5 pages copied)",
    "loaded": "PM: Image loading done",
    "restarts": "reboot: Restarting system",
}


def _scenario(mode: Mode = Mode.PLATFORM, pm_test: PmTest = PmTest.NONE) -> Scenario:
    outcome = Outcome.RESUMED if pm_test is PmTest.NONE else Outcome.REHEARSED
    method = KernelMethod(mode=mode, pm_test=pm_test)
    return Scenario(name="one", guest=GUEST, method=method, expected=Expected(outcome=outcome))


def _marks(*names: str) -> tuple[Mark, ...]:
    return tuple(Mark(name=name, t=1.0, line=LINES[name]) for name in ("begins", *names))


def _came(mode: Mode, *qmp: QmpEvent, resumed: bool = False) -> Boot:
    return replace(BACK, attempt=Attempt(mode=mode, errno=0), qmp=qmp, resumed=resumed)


def _judged(scenario: Scenario, save: Boot) -> Verdict:
    ended = save.attempt is not None and save.attempt.errno is None
    return judge(scenario, Evidence(scenario="one", boots=(save,) if ended else (save, COLD)))


@pytest.mark.parametrize("level", [PmTest.FREEZER, PmTest.DEVICES, PmTest.PLATFORM])
def test_a_rehearsal_comes_back_with_all_cpus_up(level: PmTest) -> None:
    verdict = _judged(_scenario(pm_test=level), replace(BACK, marks=_marks("rehearses")))
    assert verdict.as_expected, str(verdict)
    assert verdict.reason == f"pm_test {level} came back; 2 witnesses and exercises in order"


@pytest.mark.parametrize("level", [PmTest.PROCESSORS, PmTest.CORE])
def test_a_rehearsal_comes_back_from_one_cpu(level: PmTest) -> None:
    save = replace(BACK, marks=_marks("vcpus", "rehearses"))
    assert _judged(_scenario(pm_test=level), save).outcome is Outcome.REHEARSED


@pytest.mark.parametrize(
    ("level", "names", "why"),
    [
        (PmTest.CORE, (), "the kernel did not rehearse"),
        (PmTest.CORE, ("rehearses",), "the other CPUs were not taken down for it"),
        (PmTest.DEVICES, ("vcpus", "rehearses"), "the other CPUs were taken down for it"),
        (PmTest.DEVICES, ("rehearses", "created"), "an image was made"),
    ],
)
def test_a_rehearsal_that_went_elsewhere(level: PmTest, names: tuple[str, ...], why: str) -> None:
    verdict = _judged(_scenario(pm_test=level), replace(BACK, marks=_marks(*names)))
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "not-rehearsed")
    assert verdict.reason == f"save boot: pm_test {level} was set, and {why}"


def test_a_rehearsal_that_powers_the_machine_off() -> None:
    verdict = _judged(_scenario(pm_test=PmTest.CORE), SAVE)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "power-off")
    why = "a rehearsal, but the machine did not come back: it ended (guest-shutdown)"
    assert verdict.reason == f"save boot: {why}"


def test_a_rehearsal_in_which_a_witness_is_lost() -> None:
    lost = replace(EVENTFD, found={"value": 8})
    save = replace(BACK, marks=_marks("vcpus", "rehearses"), witnesses=(lost,))
    assert _judged(_scenario(pm_test=PmTest.CORE), save).cause == "witness-eventfd"


def test_a_rehearsal_that_nobody_looked_at_proves_nothing() -> None:
    save = replace(BACK, marks=_marks("vcpus", "rehearses"), audits=())
    assert _judged(_scenario(pm_test=PmTest.CORE), save).cause == "not-examined"


def test_an_image_that_was_restored_at_once() -> None:
    save = _came(Mode.TEST_RESUME, resumed=True)
    verdict = _judged(_scenario(Mode.TEST_RESUME), save)
    assert verdict.as_expected, str(verdict)
    assert verdict.reason.startswith("restored its own image at once; 2 witnesses")


def test_an_image_that_was_not_loaded() -> None:
    verdict = _judged(_scenario(Mode.TEST_RESUME), _came(Mode.TEST_RESUME))
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "not-restored")


def test_an_image_that_is_left_armed() -> None:
    save = replace(BACK, attempt=Attempt(mode="test_resume", errno=16), header=ARMED)
    verdict = _judged(_scenario(Mode.TEST_RESUME), save)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "still-armed")


def test_a_machine_that_was_woken() -> None:
    verdict = _judged(_scenario(Mode.SUSPEND), _came(Mode.SUSPEND, S3))
    assert verdict.as_expected, str(verdict)
    assert verdict.reason.startswith("slept with its image written, and woke; 2 witnesses")


CLOCK = "1 of 4 differ: ff_rt_clk was 'disabled', is 'EN enabled'"


def test_the_event_of_the_clock_is_of_the_sleep() -> None:
    clock = replace(AUDIT, name="acpi-events", ok=False, detail=CLOCK)
    save = replace(_came(Mode.SUSPEND, S3), audits=(AUDIT, clock))
    assert _judged(_scenario(Mode.SUSPEND), save).as_expected
    other = replace(clock, detail=CLOCK.replace("1 of", "2 of"))
    worse = _judged(_scenario(Mode.SUSPEND), replace(save, audits=(AUDIT, other)))
    assert worse.cause == "audit-acpi-events"
    resumed = replace(_came(Mode.TEST_RESUME, resumed=True), audits=(AUDIT, clock))
    assert _judged(_scenario(Mode.TEST_RESUME), resumed).cause == "audit-acpi-events"


def test_a_machine_that_did_not_sleep() -> None:
    verdict = _judged(_scenario(Mode.SUSPEND), _came(Mode.SUSPEND))
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "power-off")


def test_a_woken_machine_whose_image_was_to_be_proved_and_was_not() -> None:
    evidence = Evidence(scenario="one", boots=(_came(Mode.SUSPEND, S3), COLD), proof=True)
    assert judge(_scenario(Mode.SUSPEND), evidence).cause == "not-proven"


def _reset(*names: str) -> Evidence:
    save = replace(SAVE, attempt=Attempt(mode="reboot"), qmp=(RESET,), marks=_marks(*names))
    header = replace(ARMED, flag_names=("CRC32_MODE",))
    return replace(GOOD, boots=(replace(save, header=header), *GOOD.boots[1:]))


def test_a_machine_that_is_reset_on_purpose() -> None:
    verdict = judge(_scenario(Mode.REBOOT), _reset("restarts"))
    assert verdict.as_expected, str(verdict)


def test_a_machine_that_is_reset_before_its_kernel_says_so() -> None:
    assert judge(_scenario(Mode.REBOOT), _reset()).outcome is Outcome.PANIC


def test_a_machine_that_powers_off_instead_of_a_reset() -> None:
    save = replace(SAVE, attempt=Attempt(mode="reboot"))
    evidence = replace(GOOD, boots=(save, *GOOD.boots[1:]))
    verdict = judge(_scenario(Mode.REBOOT), evidence)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "power-off")
