"""Who refused a hibernation, in which stage and why, in a reason's words."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from hibtest import story
from hibtest.evidence import Attempt, AuditReport, Boot, Mark
from hibtest.spec import Outcome
from hibtest.verdict import Verdict, judge
from tests.story import fed
from tests.verdict.test_judge import AUDIT, GOOD, OFF, REFUSED, RESUME, SAVE, SCENARIO

GOOD_ORDER = "; the guest lives on in good order"
WROTE = "the write to /sys/power/state returned"


def marks(lines: Sequence[str]) -> tuple[Mark, ...]:
    """Return the marks that evidence of these lines has."""
    return tuple(
        Mark(name=one.name, t=1.0, line=one.line, splat=one.splat)
        for one in story.read(lines).marks
    )


def refused(log: Sequence[str], *audits: AuditReport) -> Boot:
    """Return a save boot whose hibernation came to what a log says."""
    back = story.returned(log[-1])
    assert back is not None
    attempt = Attempt(mode=back.mode, errno=back.errno, detail=back.text)
    return replace(REFUSED, attempt=attempt, marks=marks(log), audits=audits or (AUDIT,))


def judged(*boots: Boot) -> Verdict:
    return judge(SCENARIO, replace(GOOD, boots=boots))


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (
            Attempt(mode="platform", errno=19, detail="ENODEV No such device"),
            "the write to /sys/power/state returned ENODEV",
        ),
        (
            Attempt(mode="agent", errno=5, detail="EIO image server hung up"),
            "the agent gave up: EIO image server hung up",
        ),
        (
            Attempt(mode="agent", errno=28, detail="ENOSPC ALLOC_SWAP_PAGE: ENOSPC (No space)"),
            "the agent gave up: ALLOC_SWAP_PAGE: ENOSPC (No space)",
        ),
    ],
)
def test_who_refused(attempt: Attempt, words: str) -> None:
    assert judged(replace(REFUSED, attempt=attempt)).reason == words + GOOD_ORDER


_VIRTIO5 = "device virtio_mem virtio5"
_WRITER = "writer {0} ({1}, state D) in request_wait_answer"
_WRITERS = ", ".join(_WRITER.format(n, 810 + n) for n in range(1, 6))


@pytest.mark.parametrize(
    ("log", "cause", "why"),
    [
        (fed.TASKS, "EBUSY", f"in FREEZE: 5 tasks did not freeze: {_WRITERS}: {fed.TASKS[3]}"),
        (
            fed.WORK,
            "EBUSY",
            f"in FREEZE: a work queue was busy: loop0 in loop_rootcg_workfn: {fed.WORK[2]}",
        ),
        (fed.NO_SWAP, "ENODEV", f"in FREEZE: {fed.NO_SWAP[2]}"),
        (fed.NO_MEMORY, "ENOMEM", f"in PREALLOCATE: {fed.NO_MEMORY[3]}"),
        (fed.WOKEN, "EBUSY", f"in VCPUS: {fed.WOKEN[3]}"),
        (
            fed.NO_FREEZE,
            "EPERM",
            f"in DEVICES: {_VIRTIO5} refused to freeze: EPERM (error -1): {fed.NO_FREEZE[3]}",
        ),
        (
            fed.CPU_STAYS,
            "EBUSY",
            f"in VCPUS: CPU1 could not be taken down: {fed.CPU_STAYS[3]}",
        ),
    ],
    ids=["tasks", "work", "no swap", "no memory", "wake-up", "device", "cpu"],
)
def test_in_which_stage_and_why(log: Sequence[str], cause: str, why: str) -> None:
    verdict = judged(refused(log))
    assert (verdict.outcome, verdict.cause) == (Outcome.REFUSED, cause)
    assert verdict.reason == f"{WROTE} {cause} {why}{GOOD_ORDER}"


def test_a_hibernation_that_is_rolled_back_is_refused() -> None:
    verdict = judged(refused(fed.ROLLED_BACK))
    assert (verdict.outcome, verdict.cause) == (Outcome.REFUSED, "rolled-back")
    assert "btintel_pcie 0000:00:14.7 refused to hibernate async" in verdict.reason


def test_a_device_that_comes_back_in_error_is_damage() -> None:
    recover = "[   34.5] virtio_mem virtio5: PM: failed to recover: error -5"
    log = (*fed.NO_FREEZE[:4], recover, *fed.NO_FREEZE[4:])
    verdict = judged(refused(log))
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "kernel-log")
    assert recover in verdict.reason


COUNTED = AuditReport(
    name="power-statistics", ok=False, detail="failures were counted: failed_suspend from 0 to 1"
)


def test_that_a_device_refused_is_counted_by_the_kernel() -> None:
    assert judged(refused(fed.NO_FREEZE, COUNTED)).outcome is Outcome.REFUSED
    assert judged(refused(fed.NO_SWAP, COUNTED)).cause == "audit-power-statistics"


SETTINGS = AuditReport(name="power-settings", ok=False, detail="state does not offer disk")
DEVICE = AuditReport(
    name="snapshot-device",
    ok=False,
    detail="EPERM /dev/snapshot: Operation not permitted",
)
WAS_OFF = (fed.BEGINS, fed.comes_back(1, "EPERM"))
TURNED_OFF = "state was 'freeze mem disk', is 'freeze mem'; state does not offer disk"


@pytest.mark.parametrize(
    ("log", "said"), [(WAS_OFF, ""), (fed.LOCKED_DOWN, f": {fed.LOCKED_DOWN[1]}")]
)
def test_a_kernel_that_was_not_to_hibernate_refuses_and_is_in_order(
    log: Sequence[str], said: str
) -> None:
    verdict = judged(refused(log, SETTINGS, DEVICE))
    assert (verdict.outcome, verdict.cause) == (Outcome.REFUSED, "EPERM")
    off = "; hibernation was off before it was tried"
    assert verdict.reason == f"{WROTE} EPERM{off}{said}{GOOD_ORDER}"


@pytest.mark.parametrize(
    ("log", "audit"),
    [
        (WAS_OFF, replace(SETTINGS, detail=TURNED_OFF)),
        (WAS_OFF, replace(DEVICE, detail="OSError: [Errno 5] Input/output error")),
        (fed.NO_FREEZE, SETTINGS),
        (fed.NO_SWAP, SETTINGS),
    ],
    ids=["off since then", "another error", "a device refused", "another errno"],
)
def test_one_that_will_not_hibernate_any_more_is_not(
    log: Sequence[str], audit: AuditReport
) -> None:
    assert judged(refused(log, audit)).outcome is Outcome.CORRUPT


@pytest.mark.parametrize(
    ("log", "cause"),
    [(fed.NO_QUIESCE, "device-refused"), (fed.HARDWARE_SIGNATURE, "image-refused")],
)
def test_why_a_boot_did_not_resume(log: Sequence[str], cause: str) -> None:
    fresh = replace(
        RESUME, resumed=False, ready=True, attempt=None, witnesses=(), audits=(), marks=marks(log)
    )
    verdict = judged(SAVE, fresh)
    assert (verdict.outcome, verdict.cause) == (Outcome.COLD_BOOT, cause)
    assert story.read(log).causes[0].lines[0] in verdict.reason


def test_a_power_off_without_acpi_s4_names_the_device_that_was_in_the_way() -> None:
    save = replace(SAVE, qmp=(OFF,), marks=marks(fed.ROLLED_BACK[:4]))
    verdict = judged(save)
    assert verdict.cause == "power-off"
    assert "btintel_pcie 0000:00:14.7 refused to hibernate async" in verdict.reason


def test_the_second_one_says_why_as_well() -> None:
    last = replace(refused(fed.TASKS), role=RESUME.role, directory="resume", resumed=True)
    verdict = judged(SAVE, replace(last, boot_id="a", ready=False))
    assert (verdict.outcome, verdict.cause) == (Outcome.REFUSED, "EBUSY")
    assert "in FREEZE: 5 tasks did not freeze: writer 1 (811, state D) in request" in verdict.reason
