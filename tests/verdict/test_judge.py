"""Verdicts from made-up evidence: a good run, and each way in which one thing in it is wrong."""

from dataclasses import replace
from typing import Any

import pytest

from hibtest.evidence import (
    Attempt,
    AuditReport,
    Boot,
    Evidence,
    Exit,
    Hang,
    Mark,
    QmpEvent,
    StageTime,
    SwapHeader,
    Trouble,
    WitnessReport,
)
from hibtest.spec import (
    Expected,
    GuestSpec,
    KernelMethod,
    Mode,
    Outcome,
    ResumeSpec,
    Role,
    Scenario,
    Stage,
)
from hibtest.verdict import judge

SCENARIO = Scenario(name="one", guest=GuestSpec(kernel="trixie"), lives=1)
ARMED = SwapHeader(
    sig="S1SUSPEND",
    orig_sig="SWAPSPACE2",
    armed=True,
    image=1,
    flags=5,
    flag_names=("PLATFORM_MODE", "CRC32_MODE"),
    crc32=1,
    hw_sig=0,
)
CUT = Exit(returncode=None)
USED = replace(ARMED, sig="SWAPSPACE2", armed=False)
S4 = QmpEvent(name="SUSPEND_DISK", t=9.0, data={})
OFF = QmpEvent(name="SHUTDOWN", t=9.5, data={"guest": True, "reason": "guest-shutdown"})
EVENTFD = WitnessReport(name="eventfd", planted={"value": 7}, found={"value": 7})
AUDIT = AuditReport(name="oom-killer", ok=True, detail="killed its victim")

SAVE = Boot(
    role=Role.SAVE,
    directory="save",
    ready=True,
    boot_id="a",
    qmp=(S4, OFF),
    stages=(StageTime(stage=Stage.POWER_OFF, t=1.0, seconds=1.0),),
    attempt=Attempt(mode="platform"),
    exit=Exit(returncode=0),
    header=ARMED,
)
RESUME = Boot(
    role=Role.RESUME,
    directory="resume",
    resumed=True,
    boot_id="a",
    stages=(StageTime(stage=Stage.RESTORE, t=1.0, seconds=1.0),),
    attempt=Attempt(mode="platform", errno=0),
    witnesses=(EVENTFD,),
    audits=(AUDIT,),
    exit=CUT,
    header=USED,
)
COLD = Boot(role=Role.COLD, directory="cold", ready=True, boot_id="b", exit=CUT, header=USED)
GOOD = Evidence(scenario="one", boots=(SAVE, RESUME, COLD))


def _mark(name: str, line: str = "", *, splat: bool = False) -> Mark:
    return Mark(name=name, t=1.0, line=line or name, splat=splat)


def _judged(*boots: Boot, scenario: Scenario = SCENARIO, **other: Any) -> tuple[Outcome, str]:
    verdict = judge(scenario, replace(GOOD, boots=boots, **other))
    return verdict.outcome, verdict.cause


def test_a_good_run_has_resumed() -> None:
    verdict = judge(SCENARIO, GOOD)
    assert (verdict.outcome, verdict.cause, verdict.as_expected) == (Outcome.RESUMED, "", True)


def test_a_fault_is_invalid_whatever_else_was_seen() -> None:
    verdict = judge(SCENARIO, replace(GOOD, trouble=Trouble(kind="HostError", message="disk full")))
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "HostError")
    assert "disk full" in verdict.reason


def test_no_boot_is_invalid() -> None:
    assert _judged() == (Outcome.INVALID, "no-boot")


HANG = Hang(stage=Stage.RESTORE, what="a guest", limit=45.0, lines=("CPU1 is now offline",))
REFUSED = replace(
    SAVE,
    attempt=Attempt(mode="platform", errno=19),
    exit=Exit(returncode=None),
    qmp=(),
    header=replace(USED, flags=0, flag_names=()),
    witnesses=(EVENTFD,),
    audits=(AUDIT,),
)


@pytest.mark.parametrize(
    ("boots", "outcome", "cause"),
    [
        pytest.param(
            (replace(SAVE, exit=Exit(returncode=-11)),), Outcome.INVALID, "qemu-died", id="signal"
        ),
        pytest.param(
            (SAVE, replace(RESUME, exit=Exit(returncode=1, stderr="qemu: no"))),
            Outcome.INVALID,
            "qemu-died",
            id="status",
        ),
        pytest.param(
            (
                replace(
                    SAVE,
                    qmp=(replace(OFF, data={"guest": False, "reason": "host-signal"}),),
                ),
            ),
            Outcome.INVALID,
            "ended-from-outside",
            id="sigterm",
        ),
        pytest.param(
            (SAVE, replace(RESUME, panic="Kernel panic - not syncing: x")),
            Outcome.PANIC,
            "RESTORE",
            id="panic",
        ),
        pytest.param(
            (
                SAVE,
                replace(
                    RESUME,
                    resumed=False,
                    exit=Exit(returncode=0),
                    qmp=(replace(OFF, data={"guest": True, "reason": "guest-reset"}),),
                ),
            ),
            Outcome.PANIC,
            "RESTORE",
            id="reset",
        ),
        pytest.param(
            (SAVE, replace(RESUME, hang=HANG, resumed=False)), Outcome.HUNG, "RESTORE", id="hang"
        ),
        pytest.param(
            (replace(SAVE, ready=False, attempt=None),),
            Outcome.INVALID,
            "guest-not-ready",
            id="never-ready",
        ),
        pytest.param(
            (replace(SAVE, attempt=Attempt(mode="platform", errno=0)),),
            Outcome.CORRUPT,
            "no-power-off",
            id="returned-0",
        ),
        pytest.param((replace(SAVE, qmp=(OFF,)),), Outcome.CORRUPT, "power-off", id="s5-not-s4"),
        pytest.param(
            (replace(SAVE, qmp=(OFF, replace(S4, t=99.0))),),
            Outcome.CORRUPT,
            "power-off",
            id="s4-too-late",
        ),
        pytest.param(
            (replace(SAVE, qmp=()),), Outcome.INVALID, "no-shutdown-event", id="no-events"
        ),
        pytest.param(
            (SAVE, replace(RESUME, boot_id="c"), COLD), Outcome.CORRUPT, "boot-id", id="boot-id"
        ),
        pytest.param(
            (SAVE, replace(RESUME, witnesses=(replace(EVENTFD, found={"value": 8}),)), COLD),
            Outcome.CORRUPT,
            "witness-eventfd",
            id="witness-differs",
        ),
        pytest.param(
            (SAVE, replace(RESUME, witnesses=(replace(EVENTFD, error="gone"),)), COLD),
            Outcome.CORRUPT,
            "witness-eventfd",
            id="witness-gone",
        ),
        pytest.param(
            (SAVE, replace(RESUME, audits=(replace(AUDIT, ok=False),)), COLD),
            Outcome.CORRUPT,
            "audit-oom-killer",
            id="audit",
        ),
        pytest.param(
            (SAVE, replace(RESUME, audits=()), COLD), Outcome.INVALID, "not-examined", id="no-audit"
        ),
        pytest.param(
            (SAVE, replace(RESUME, marks=(_mark("warning", splat=True),)), COLD),
            Outcome.CORRUPT,
            "kernel-log",
            id="splat",
        ),
        pytest.param(
            (SAVE, replace(RESUME, header=ARMED), COLD),
            Outcome.CORRUPT,
            "still-armed",
            id="still-armed",
        ),
        pytest.param(
            (replace(SAVE, header=replace(ARMED, flag_names=("CRC32_MODE",))), RESUME, COLD),
            Outcome.CORRUPT,
            "header-flags",
            id="flags",
        ),
        pytest.param(
            (SAVE, RESUME, replace(COLD, ready=False, resumed=True, boot_id="a")),
            Outcome.CORRUPT,
            "resumed-twice",
            id="twice",
        ),
        pytest.param(
            (SAVE, RESUME, replace(COLD, boot_id="a")),
            Outcome.CORRUPT,
            "resumed-twice",
            id="same-life",
        ),
        pytest.param((SAVE, RESUME), Outcome.INVALID, "unfinished", id="unfinished"),
        pytest.param((REFUSED,), Outcome.REFUSED, "ENODEV", id="refused"),
        pytest.param(
            (replace(REFUSED, header=ARMED),), Outcome.CORRUPT, "still-armed", id="refused-armed"
        ),
        pytest.param(
            (replace(REFUSED, audits=(replace(AUDIT, ok=False),)),),
            Outcome.CORRUPT,
            "audit-oom-killer",
            id="refused-audit",
        ),
        pytest.param(
            (SAVE, replace(RESUME, attempt=Attempt(mode="platform", errno=16))),
            Outcome.REFUSED,
            "EBUSY",
            id="second-refused",
        ),
    ],
)
def test_each_wrong_thing_decides(boots: tuple[Boot, ...], outcome: Outcome, cause: str) -> None:
    assert _judged(*boots) == (outcome, cause)


FRESH = replace(
    RESUME, resumed=False, ready=True, boot_id="b", attempt=None, witnesses=(), audits=()
)


@pytest.mark.parametrize(
    ("save", "marks", "cause"),
    [
        pytest.param(replace(SAVE, header=USED), (), "not-armed", id="not-armed"),
        pytest.param(SAVE, (_mark("noresume"),), "noresume", id="noresume"),
        pytest.param(SAVE, (_mark("no-resume-device"),), "no-resume-device", id="no-device"),
        pytest.param(SAVE, (_mark("resume-back"),), "no-image", id="no-image"),
        pytest.param(
            SAVE, (_mark("bad-crc"), _mark("resume-back")), "image-refused", id="image-refused"
        ),
        pytest.param(SAVE, (), "no-attempt", id="no-attempt"),
    ],
)
def test_a_cold_boot_says_why(save: Boot, marks: tuple[Mark, ...], cause: str) -> None:
    assert _judged(save, replace(FRESH, marks=marks)) == (Outcome.COLD_BOOT, cause)


def test_a_cold_boot_tells_of_an_image_that_stays_armed() -> None:
    verdict = judge(SCENARIO, replace(GOOD, boots=(SAVE, replace(FRESH, header=ARMED))))
    assert "still armed" in verdict.reason


def test_mode_shutdown_must_not_enter_s4() -> None:
    scenario = replace(SCENARIO, method=KernelMethod(mode=Mode.SHUTDOWN))
    assert _judged(SAVE, scenario=scenario) == (Outcome.CORRUPT, "power-off")


@pytest.mark.parametrize(
    ("expected", "passes"),
    [
        (Expected(outcome=Outcome.REFUSED), True),
        (Expected(outcome=Outcome.REFUSED, cause="ENODEV"), True),
        (Expected(outcome=Outcome.REFUSED, cause="ENOSPC"), False),
        (Expected(), False),
    ],
)
def test_the_expected_outcome_and_cause_pass(expected: Expected, passes: bool) -> None:
    scenario = replace(SCENARIO, expected=expected, resume=ResumeSpec())
    verdict = judge(scenario, replace(GOOD, boots=(REFUSED,)))
    assert verdict.as_expected is passes
