"""Verdicts in the light of filesystems: damage alone, beside its causes, and nobody who looked."""

from dataclasses import replace
from typing import Any

import pytest

from hibtest.evidence import (
    Attempt,
    Boot,
    DiskProof,
    Evidence,
    Exit,
    FilesystemCheck,
    Mark,
    StepReport,
    Trouble,
)
from hibtest.spec import (
    AgentMethod,
    Always,
    FailIo,
    Fault,
    Outcome,
    Protect,
    Scenario,
    Target,
)
from hibtest.verdict import Verdict, judge
from tests.verdict.test_judge import COLD, EVENTFD, GOOD, HANG, REFUSED, RESUME, SAVE, SCENARIO

WHOLE = FilesystemCheck(disk="root", kind="ext4")
LOST = "Entry 'a' in / (2) has deleted/unused inode 14."
DAMAGED = replace(WHOLE, count=807, problems=(LOST, "Inode bitmap differences: +13"))
SPLAT = Mark(name="io-error", t=1.0, line="EXT4-fs error (device vda): bad block", splat=True)
FRESH = replace(RESUME, resumed=False, ready=True, attempt=None, witnesses=(), audits=())


def _judged(*boots: Boot, scenario: Scenario = SCENARIO, **other: Any) -> Verdict:
    evidence = replace(GOOD, boots=boots or GOOD.boots, filesystems=(DAMAGED,))
    return judge(scenario, replace(evidence, **other))


def test_a_run_whose_filesystems_are_whole_is_what_it_was() -> None:
    assert judge(SCENARIO, replace(GOOD, filesystems=(WHOLE,))) == judge(SCENARIO, GOOD)


def test_damage_is_told_with_its_disk_its_number_and_the_first() -> None:
    verdict = _judged()
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "filesystem")
    assert verdict.reason.startswith(
        "after the run the ext4 filesystem of disk root is damaged: 807 problems; the first: "
        "Entry 'a' in / (2) has deleted/unused inode 14; but for that the run came to RESUMED: "
    )
    assert verdict.detail.splitlines() == list(DAMAGED.problems)
    assert "filesystem-root.txt" in verdict.rests_on


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (replace(DAMAGED, more=True), "damaged: at least 807 problems"),
        (replace(DAMAGED, count=1), "damaged: 1 problem;"),
        (replace(DAMAGED, before=3), "807 problems, not counting what it had before the run;"),
        (replace(DAMAGED, problems=()), "807 problems; but for that"),
    ],
)
def test_what_is_told_of_it_is_what_is_known(check: FilesystemCheck, said: str) -> None:
    assert said in _judged(filesystems=(check,)).reason


def test_all_disks_are_named() -> None:
    verdict = _judged(filesystems=(WHOLE, DAMAGED, replace(DAMAGED, disk="swap")))
    assert "and that of disk swap" in verdict.reason
    assert verdict.rests_on[-2:] == ("filesystem-root.txt", "filesystem-swap.txt")


@pytest.mark.parametrize("boots", [(SAVE, FRESH), (REFUSED,)])
def test_a_guest_that_did_not_come_back_must_have_its_filesystems(boots: tuple[Boot, ...]) -> None:
    verdict = _judged(*boots)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "filesystem")
    well = judge(SCENARIO, replace(GOOD, boots=boots))
    assert f"but for that the run came to {well.outcome}: {well.reason}" in verdict.reason


UNLINKED = replace(EVENTFD, name="unlinked-file", planted={"crc": 1}, found={"crc": 1})


@pytest.mark.parametrize(
    ("boots", "said"),
    [
        ((SAVE, RESUME, replace(COLD, marks=(SPLAT,))), "io-error: EXT4-fs error"),
        ((SAVE, RESUME, replace(COLD, ready=False)), "ended before the guest was ready"),
        (
            (SAVE, RESUME, replace(COLD, marks=(SPLAT,), hang=HANG)),
            "HUNG in RESTORE of the cold boot",
        ),
        ((SAVE, RESUME, replace(COLD, marks=(SPLAT,), panic="Kernel panic")), "Kernel panic"),
        (
            (SAVE, replace(RESUME, witnesses=(replace(UNLINKED, found={"crc": 2}),)), COLD),
            "witness unlinked-file: crc was 1, is 2",
        ),
        (
            (SAVE, replace(RESUME, steps=(StepReport(name="do", detail="no", ok=False),)), COLD),
            "step do: no",
        ),
    ],
)
def test_damage_explains_what_the_kernel_says_of_it(boots: tuple[Boot, ...], said: str) -> None:
    assert judge(SCENARIO, replace(GOOD, boots=boots)).outcome is not Outcome.RESUMED
    verdict = _judged(*boots)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "filesystem")
    assert said in verdict.reason
    assert set(verdict.rests_on) > {"filesystem-root.txt"}


WARNED = Mark(name="warning", t=1.0, line="WARNING: CPU: 0", splat=True)


@pytest.mark.parametrize(
    ("boots", "outcome", "cause"),
    [
        (
            (SAVE, replace(RESUME, witnesses=(replace(EVENTFD, found={"value": 1}),)), COLD),
            Outcome.CORRUPT,
            "witness-eventfd",
        ),
        (
            (SAVE, replace(RESUME, marks=(WARNED, SPLAT)), COLD),
            Outcome.CORRUPT,
            "kernel-log",
        ),
        ((SAVE, replace(RESUME, hang=HANG, exit=Exit(returncode=None))), Outcome.HUNG, "RESTORE"),
        ((SAVE, replace(RESUME, panic="Kernel panic")), Outcome.PANIC, "RESTORE"),
    ],
)
def test_what_may_have_caused_it_is_the_verdict_and_names_it(
    boots: tuple[Boot, ...], outcome: Outcome, cause: str
) -> None:
    verdict = _judged(*boots)
    assert (verdict.outcome, verdict.cause) == (outcome, cause)
    assert "; after the run the ext4 filesystem of disk root is damaged: 807" in verdict.reason
    assert "filesystem-root.txt" in verdict.rests_on


def test_what_was_not_examined_is_damaged_all_the_same() -> None:
    verdict = _judged(SAVE, replace(RESUME, witnesses=()), COLD)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "filesystem")


def test_trouble_of_ours_stays_ours() -> None:
    verdict = _judged(trouble=Trouble(kind="QemuError", message="gone"))
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "QemuError")


FAILS = Fault(when=Always(), what=FailIo(serial="root", at_mib=3))


def test_what_a_fault_has_damaged_is_not_the_kernel_s() -> None:
    faulty = replace(SCENARIO, faults=(FAILS,))
    seen = replace(GOOD, version=1)  # in which nobody tells what struck
    lacking = replace(DAMAGED, lacking="e2fsck did not end in time")
    verdict = judge(faulty, replace(seen, filesystems=(lacking,)))
    assert verdict.outcome is Outcome.RESUMED
    verdict = judge(faulty, replace(seen, filesystems=(DAMAGED, replace(DAMAGED, disk="swap"))))
    assert "filesystem of disk swap is damaged" in verdict.reason


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ((), "the run ended before the guest's filesystems were looked at"),
        ((WHOLE, replace(WHOLE, disk="swap", lacking="no room")), "disk swap (ext4) was not"),
        ((replace(WHOLE, kind="", lacking="no room"),), "disk root was not looked at: no room"),
    ],
)
def test_what_nobody_has_looked_at_is_not_well(
    checks: tuple[FilesystemCheck, ...], said: str
) -> None:
    for boots in (GOOD.boots, (SAVE, FRESH), (REFUSED,)):
        verdict = _judged(*boots, filesystems=checks)
        assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "not-examined")
        assert said in verdict.reason


def test_what_is_wrong_is_wrong_whether_somebody_looked_or_not() -> None:
    verdict = _judged(SAVE, replace(RESUME, hang=HANG), filesystems=())
    assert verdict.outcome is Outcome.HUNG


def test_older_evidence_is_judged_without() -> None:
    assert GOOD.filesystems is None
    assert Evidence(scenario="one").filesystems is None


CHANGED = DiskProof(
    serial="root",
    at_snapshot="aa",
    at_power_off="ab",
    differ=3,
    files=("/root/a", "the journal"),
)


def test_what_was_written_to_a_protected_disk_is_named() -> None:
    method = AgentMethod(target=Target.RAW, protect=Protect.FSFREEZE)
    scenario = replace(SCENARIO, method=method)
    save = replace(SAVE, attempt=Attempt(mode="agent"), disks=(CHANGED,))
    verdict = judge(scenario, replace(GOOD, boots=(save, RESUME, COLD)))
    assert verdict.cause == "disk-changed", verdict
    assert verdict.reason.endswith("; what lies there: /root/a, the journal")
