"""Cause before consequence: which of several things that are wrong is the verdict."""

from dataclasses import replace
from typing import Any

import pytest

from hibtest.evidence import (
    AuditReport,
    Boot,
    Evidence,
    Mark,
    RestoreProof,
    SaveProof,
    WitnessReport,
)
from hibtest.spec import Expected, Outcome
from hibtest.verdict import judge, settled
from hibtest.verdict.explaining import ORDER
from hibtest.verdict.storage import CALLED
from hibtest.verdict.witnesses import RULES
from tests.verdict.test_judge import (
    AUDIT,
    COLD,
    EVENTFD,
    FRESH,
    GOOD,
    HANG,
    RESUME,
    SAVE,
    SCENARIO,
)
from tests.verdict.test_proof import EXACT, OFF, RESTORED, SAVED

WRONG = replace(EVENTFD, found={"value": 8})
STUCK = AuditReport(name="kernel-variables", ok=False, detail="workqueue_freezing was 0x0, is 0x1")
LOOP = AuditReport(name="loop", ok=False, detail="did not end within 40 s")
TWICE = replace(SCENARIO, lives=2)
AGAIN = replace(RESUME, directory="resume-2")


def _mark(name: str, line: str) -> Mark:
    return Mark(name=name, t=1.0, line=line, splat=True)


OOPS = _mark("oops", "BUG: kernel NULL pointer dereference, address: 0")
WARNING = _mark("warning", "WARNING: kernel/power/process.c:200 at thaw_processes+0x1/0x2")
CPU = _mark("cpu-lost", "Error taking CPU1 up: -5")


def _of(*boots: Boot, proof: bool = False) -> Evidence:
    return replace(GOOD, boots=boots, proof=proof)


@pytest.mark.parametrize(
    "shown",
    [
        {"audits": (AUDIT, STUCK, LOOP)},
        {"witnesses": (WRONG,)},
        {"garbled": "the probe answered 'x'"},
        {"boot_id": "c"},
    ],
    ids=lambda shown: next(iter(shown)),
)
@pytest.mark.parametrize("where", ["in the same boot", "in the next boot"])
def test_what_a_boot_has_shown_comes_before_the_hang_that_follows(
    shown: dict[str, Any], where: str
) -> None:
    """The second hibernation hangs on what the audit has found to be stuck."""
    first = replace(RESUME, **shown)
    hung = replace(AGAIN, hang=HANG, resumed=False, witnesses=(), audits=(), boot_id="")
    if where == "in the same boot":
        boots: tuple[Boot, ...] = (replace(first, hang=HANG),)
    else:
        off = replace(first, attempt=SAVE.attempt, exit=SAVE.exit, qmp=SAVE.qmp)
        boots = (replace(off, header=SAVE.header), hung)
    verdict = judge(TWICE, _of(SAVE, *boots))
    assert verdict.outcome is Outcome.CORRUPT, verdict
    assert verdict.reason.startswith("resume boot: ")
    assert "; then HUNG in RESTORE" in verdict.reason


def test_an_earlier_boot_comes_before_a_later_one_whatever_is_wrong_with_them() -> None:
    boots = (SAVE, replace(RESUME, audits=(LOOP,)), replace(AGAIN, witnesses=(WRONG,)), COLD)
    assert judge(TWICE, _of(*boots)).cause == "audit-loop"


def test_a_hang_is_told_with_what_preceded_it() -> None:
    resumed = replace(RESUME, hang=HANG, marks=(WARNING, OOPS), restored=RESTORED)
    verdict = judge(SCENARIO, _of(replace(SAVE, saved=SAVED), resumed, proof=True))
    assert (verdict.outcome, verdict.cause) == (Outcome.HUNG, "RESTORE")
    assert f"before that the kernel had reported warning: {WARNING.line} (and 1 more)" in (
        verdict.reason
    )
    assert "memory was exact at the jump into the restored kernel (110 pages)" in verdict.reason


def test_a_hang_behind_a_jump_with_wrong_memory_is_that_memory() -> None:
    """Also when the write has not returned yet."""
    wrong = RestoreProof(image=OFF, snapshot=EXACT)
    hung = replace(RESUME, hang=HANG, resumed=False, restored=wrong, witnesses=(), audits=())
    verdict = judge(SCENARIO, _of(replace(SAVE, saved=SAVED), hung, proof=True))
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "page-restored")
    assert "2 of 110 pages were wrong at the jump" in verdict.reason


def test_damage_before_a_boot_that_starts_afresh_is_told_also_when_that_is_expected() -> None:
    cold = replace(TWICE, expected=Expected(outcome=Outcome.COLD_BOOT))
    boots = (SAVE, replace(RESUME, audits=(LOOP,)), replace(FRESH, directory="resume-2"))
    verdict = judge(cold, _of(*boots))
    assert (verdict.cause, verdict.as_expected) == ("audit-loop", False)


@pytest.mark.parametrize(
    ("boots", "over"),
    [
        ((SAVE,), False),
        ((SAVE, RESUME), False),
        ((SAVE, replace(RESUME, audits=(LOOP,))), True),
        ((SAVE, replace(RESUME, witnesses=(WRONG,))), True),
        ((SAVE, replace(RESUME, marks=(WARNING,))), True),
        ((replace(SAVE, marks=(WARNING,)),), True),
        ((SAVE, replace(RESUME, restored=replace(RESTORED, image=OFF))), True),
        # whether such an image is refused, only the boot after it tells
        ((replace(SAVE, saved=replace(SAVED, view=OFF)),), False),
        ((replace(SAVE, saved=SaveProof(damage="block 7")),), False),
        # nobody has asked it yet
        ((SAVE, replace(RESUME, boot_id="", hang=HANG)), False),
    ],
)
def test_a_run_is_settled_by_what_a_life_has_shown(boots: tuple[Boot, ...], over: bool) -> None:
    assert settled(SCENARIO, _of(*boots)) is over


@pytest.mark.parametrize(
    ("outcome", "cause", "over"),
    [
        (Outcome.RESUMED, "", True),
        (Outcome.COLD_BOOT, "", True),
        (Outcome.HUNG, "", True),
        (Outcome.CORRUPT, "", True),
        (Outcome.CORRUPT, "audit-loop", True),
        (Outcome.CORRUPT, "still-armed", False),
    ],
)
def test_other_damage_that_is_expected_is_waited_for(
    outcome: Outcome, cause: str, over: bool
) -> None:
    scenario = replace(SCENARIO, expected=Expected(outcome=outcome, cause=cause))
    evidence = _of(SAVE, replace(RESUME, audits=(LOOP,)))
    assert settled(scenario, evidence) is over


def _witness(name: str, **found: Any) -> WitnessReport:
    return WitnessReport(name=name, planted={}, found=found, error=f"{name} is not right")


FROZEN = WitnessReport(
    name="threads",
    planted={"threads": [[7, 1, "counter", "S", 1], [8, 1, "gone", "S", 1]], "kernel": {}},
    found={
        "threads": [[7, 1, "counter", "D"]],
        "kernel": {},
        "stuck": [[7, "counter", "D", "__refrigerator"]],
        "exempt": [],
    },
)
AHEAD = _witness("storage-root", wrong=["direct", "future", 61, 0])
WAITERS = WitnessReport(
    name="waiters",
    planted={"pid": 7, "starttime": 1},
    found={"pid": 7, "starttime": 1, "waits": {"futex": {"woke": False, "errno": 0}}},
)


@pytest.mark.parametrize(
    ("witnesses", "audits", "cause"),
    [
        ((WAITERS, WRONG, FROZEN), (AUDIT,), "witness-threads"),
        ((WAITERS, FROZEN), (LOOP, STUCK), "audit-kernel-variables"),
        ((_witness("affinity"), _witness("cpus")), (LOOP,), "witness-cpus"),
        ((_witness("timerfd"), _witness("clocks")), (AUDIT,), "witness-clocks"),
        ((_witness("workload loop"), _witness("mounts")), (AUDIT,), "witness-mounts"),
        ((WAITERS, _witness("workload loop")), (LOOP,), "witness-workload-loop"),
        ((WAITERS,), (LOOP,), "witness-waiters"),
        ((_witness("working-memory"), AHEAD), (LOOP,), "witness-storage-future"),
    ],
)
def test_the_one_that_explains_the_others_is_the_verdict(
    witnesses: tuple[WitnessReport, ...], audits: tuple[AuditReport, ...], cause: str
) -> None:
    verdict = judge(SCENARIO, _of(SAVE, replace(RESUME, witnesses=witnesses, audits=audits), COLD))
    assert verdict.cause == cause
    for other in witnesses:
        assert other.name in verdict.reason


def test_all_are_named_shortly_and_a_thread_that_stands_still_first() -> None:
    resumed = replace(RESUME, witnesses=(WAITERS, WRONG, FROZEN))
    assert judge(SCENARIO, _of(SAVE, resumed, COLD)).reason == (
        "resume boot: witness threads: counter (7) is stuck in __refrigerator (and 1 more); "
        "with it: witness eventfd: value was 7, is 8; witness waiters: futex did not wake up"
    )


def test_of_many_some_are_named_by_name_alone() -> None:
    names = ("affinity", "pipe", "locks", "nice", "cgroup")
    resumed = replace(RESUME, witnesses=tuple(map(_witness, names)))
    reason = judge(SCENARIO, _of(SAVE, resumed, COLD)).reason
    assert reason.endswith("; also witness-cgroup")
    assert all(name in reason for name in names)


@pytest.mark.parametrize(
    ("mark", "cause", "said"),
    [
        (CPU, "cpu-lost", f"CPU 1 did not come back: {CPU.line}"),
        (OOPS, "kernel-log", f"the kernel reported oops: {OOPS.line}"),
    ],
    ids=["cpu", "oops"],
)
def test_what_the_kernel_lost_comes_before_who_lacks_it(mark: Mark, cause: str, said: str) -> None:
    broken = replace(RESUME, marks=(mark,), witnesses=(_witness("affinity"), _witness("cpus")))
    verdict = judge(SCENARIO, _of(SAVE, broken, COLD))
    assert verdict.cause == cause
    assert verdict.reason == (
        f"resume boot: {said}; with it: "
        "witness cpus: cpus is not right; witness affinity: affinity is not right"
    )


def test_a_warning_explains_nothing() -> None:
    resumed = replace(RESUME, marks=(WARNING,), witnesses=(WRONG,))
    assert judge(SCENARIO, _of(SAVE, resumed, COLD)).cause == "witness-eventfd"


def test_the_order_names_what_there_is() -> None:
    named = [cause.removeprefix("witness-") for row in ORDER for cause in row.causes]
    witnesses = {name for name in named if not name.startswith("audit-")}
    assert len(set(named)) == len(named)
    assert witnesses <= {*RULES, *CALLED}
    assert all(row.why for row in ORDER)


def test_what_the_kernel_reports_as_it_starts_afresh_counts() -> None:
    oops = Mark(name="oops", t=1.0, line="BUG: kernel NULL pointer dereference", splat=True)
    afresh = replace(RESUME, resumed=False, ready=True, attempt=None, marks=(oops,))
    scenario = replace(SCENARIO, expected=Expected(outcome=Outcome.COLD_BOOT))
    verdict = judge(scenario, replace(GOOD, boots=(SAVE, afresh)))
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "kernel-log")
    assert settled(scenario, replace(GOOD, boots=(SAVE, afresh)))


def test_a_life_that_nobody_looked_at_is_damaged_all_the_same() -> None:
    oops = Mark(name="oops", t=1.0, line="BUG: kernel NULL pointer dereference", splat=True)
    resume = replace(RESUME, witnesses=(), audits=(), marks=(oops,))
    verdict = judge(SCENARIO, replace(GOOD, boots=(SAVE, resume, COLD)))
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "kernel-log")
