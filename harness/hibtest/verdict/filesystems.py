"""What the filesystems of a run have to say of a finding.

A page that is wrong, or a witness, explains a damaged filesystem, and stays the verdict; a start
that fails, and what the kernel says of a filesystem, are explained by one.
"""

from collections.abc import Iterator
from dataclasses import replace

from hibtest.evidence import Evidence, FilesystemCheck
from hibtest.spec import FailIo, Flip, FlipData, Outcome, Scenario
from hibtest.verdict.finding import Finding, found

_FIELD = "evidence.json: filesystems"
_WELL = (Outcome.RESUMED, Outcome.COLD_BOOT, Outcome.REFUSED)
_UNKNOWN = ("not-examined", "not-proven", "unfinished")  # damaged all the same
# What comes of it: the first two, and witnesses that lie on a filesystem.
_EXPLAINED = (
    "start-failed",
    "step-failed",
    "witness-unlinked-file",
    "witness-page-cache",
    "witness-working-page-cache",
    "witness-working-file",
    # not what is lost of what was acknowledged, or came from a future: that is told with its number
    "witness-storage-root",
    "witness-storage-data",
)
_SAID = "io-error"  # the mark under which the kernel complains of a filesystem


def with_filesystems(finding: Finding, scenario: Scenario, evidence: Evidence) -> Finding:
    """Return a finding in the light of what the guest's filesystems are after the run."""
    damaged = tuple(check for check in _told(scenario, evidence) if check.count)
    if damaged:
        return _damaged(finding, damaged, evidence)
    if finding.outcome in _WELL:
        return _lacking(scenario, evidence) or finding
    return finding


def _told(scenario: Scenario, evidence: Evidence) -> Iterator[FilesystemCheck]:
    """Yield the looks that count: what a fault has done to a disk is not the kernel's."""
    what = (fault.what for fault in scenario.faults)
    harmed = {one.serial for one in what if isinstance(one, FailIo | Flip | FlipData)}
    yield from (check for check in evidence.filesystems or () if check.disk not in harmed)


def _damaged(finding: Finding, checks: tuple[FilesystemCheck, ...], evidence: Evidence) -> Finding:
    damage = _damage(checks)
    if finding.outcome in _WELL:
        came = f"but for that the run came to {finding.outcome}: {finding.reason}"
        return replace(damage, reason=f"{damage.reason}; {came}")
    if finding.outcome is Outcome.INVALID:
        return damage if finding.cause in _UNKNOWN else finding
    rests_on = (*finding.rests_on, *damage.rests_on)
    if _explained(finding, evidence):
        came = "" if finding.outcome is Outcome.CORRUPT else f"{finding.outcome} "
        reason = f"{damage.reason}; {came}{finding.reason}"
        return replace(damage, reason=reason, rests_on=rests_on)
    return replace(finding, reason=f"{finding.reason}; {damage.reason}", rests_on=rests_on)


def _damage(checks: tuple[FilesystemCheck, ...]) -> Finding:
    check = checks[0]
    least = "at least " if check.more else ""
    problems = "1 problem" if check.count == 1 else f"{check.count} problems"
    before = ", not counting what it had before the run" if check.before else ""
    first = f"; the first: {check.problems[0].rstrip('.')}" if check.problems else ""
    others = "".join(f"; and that of disk {other.disk}" for other in checks[1:])
    where = f"after the run the {check.kind} filesystem of disk {check.disk} is damaged"
    reason = f"{where}: {least}{problems}{before}{first}{others}"
    files = (f"filesystem-{one.disk}.txt" for one in checks)
    lines = "\n".join(problem for one in checks for problem in one.problems)
    return found(Outcome.CORRUPT, "filesystem", reason, _FIELD, *files, detail=lines)


def _explained(finding: Finding, evidence: Evidence) -> bool:
    """Return whether the damage explains a finding: the kernel itself complained of it first."""
    if finding.outcome is Outcome.CORRUPT and finding.cause != "kernel-log":
        return finding.cause in _EXPLAINED
    marks = (mark for boot in evidence.boots for mark in boot.marks)
    first = next((mark for mark in marks if mark.splat), None)
    return first is not None and first.name == _SAID


def _lacking(scenario: Scenario, evidence: Evidence) -> Finding | None:
    """A guest whose filesystems nobody has looked at may have lost them."""
    if evidence.filesystems == ():
        what = "the run ended before the guest's filesystems were looked at"
        return found(Outcome.INVALID, "not-examined", what, _FIELD)
    for check in _told(scenario, evidence):
        if check.lacking:
            kind = f" ({check.kind})" if check.kind else ""
            what = f"the filesystem of disk {check.disk}{kind} was not looked at: {check.lacking}"
            return found(Outcome.INVALID, "not-examined", what, _FIELD)
    return None
