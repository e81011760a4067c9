"""Rules on the proof: what the image and memory were found to be, page by page."""

from collections.abc import Callable
from typing import NamedTuple

from hibtest.evidence import Boot, Evidence, View
from hibtest.spec import AgentMethod, Outcome, Protect, Scenario
from hibtest.verdict.finding import Finding, Rule


class _Wrong(NamedTuple):
    """What is wrong: the verdict's cause, its reason, and the view that shows it."""

    cause: str
    reason: str
    view: View | None = None


def _corrupt(boot: Boot, wrong: _Wrong, field: str) -> Finding:
    return Finding(
        outcome=Outcome.CORRUPT,
        cause=wrong.cause,
        reason=f"{boot.directory} boot: {wrong.reason}",
        rests_on=(f"boots[*].{field}",),
        detail=wrong.view.dump if wrong.view else "",
    )


def _first(view: View) -> str:
    """Return the first page that is not explained, in words."""
    page = view.differences[0]
    where = f" ({page.what})" if page.what else ""
    count = "1 byte" if page.count == 1 else f"{page.count} bytes"
    return f"PFN {page.pfn:#x}{where}, {count} from {page.first:#x} on"


def _of(view: View) -> str:
    return f"of {view.pages + view.zeroes} pages"


def _rule(look: Callable[[Boot], _Wrong | None], field: str) -> Rule:
    """Return the rule that all boots are in order, as one look at each tells."""

    def rule(_scenario: Scenario, evidence: Evidence) -> Finding | None:
        for boot in evidence.boots:
            wrong = look(boot)
            if wrong is not None:
                return _corrupt(boot, wrong, field)
        return None

    return rule


def _image(boot: Boot) -> _Wrong | None:
    """The image on the disk is sound, and is what memory held at the snapshot."""
    saved = boot.saved
    if saved is None:
        return None
    if saved.damage:
        return _Wrong("image-damaged", f"the image cannot be read: {saved.damage}")
    view = saved.view
    if view is not None and view.unexplained:
        reason = f"{view.unexplained} {_of(view)} of the image are not what memory held at the "
        return _Wrong("page-saved", f"{reason}snapshot: {_first(view)}", view)
    if saved.image is not None and saved.image.crc_right is False:
        return _Wrong("image-crc", "the checksum of the image is wrong")
    return None


def _ledger(boot: Boot) -> _Wrong | None:
    """Every page of RAM is in the image, or need not be."""
    ledger = None if boot.saved is None else boot.saved.ledger
    if ledger is None or not (ledger.lost or ledger.twice):
        return None
    first = f"; first PFN {ledger.first[0]:#x}" if ledger.first else ""
    lost = f"{ledger.lost} pages in use are not in the image"
    twice = f"{ledger.twice} are in it and should not be"
    return _Wrong("pages-lost", f"{lost}, {twice}{first}")


def _restored(boot: Boot) -> _Wrong | None:
    """Memory at the jump is what the image holds, and what it was at the snapshot."""
    if boot.restored is None:
        return None
    image, snapshot = boot.restored.image, boot.restored.snapshot
    if image is not None and image.differ:
        reason = f"{image.differ} {_of(image)} were not restored as the image holds them: "
        return _Wrong("page-restored", reason + _first(image), image)
    if snapshot is not None and snapshot.unexplained:
        reason = f"{snapshot.unexplained} {_of(snapshot)} are as the image holds them now, but "
        said = f"{reason}not as they were at the snapshot: {_first(snapshot)}"
        return _Wrong("page-changed", said, snapshot)
    return None


def _disks(scenario: Scenario, evidence: Evidence) -> Finding | None:
    """No disk changes between the snapshot and the power-off, where the agent is to see to that."""
    method = scenario.method
    if not isinstance(method, AgentMethod) or method.protect is Protect.NONE:
        return None
    for boot in evidence.boots:
        for disk in boot.disks:
            if disk.at_snapshot != disk.at_power_off:
                first = f"; the first begins at byte {disk.first[0]:#x}" if disk.first else ""
                reason = (
                    f"{disk.differ} pieces of 64 KiB of the disk {disk.serial} were written to "
                    f"after the snapshot, in spite of {method.protect}{first}"
                )
                return _corrupt(boot, _Wrong("disk-changed", reason), "disks")
    return None


def _not_proven(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    """A cycle that was to be proved, and was not, says nothing."""
    if not evidence.proof:
        return None
    for boot in evidence.boots:
        lacking = _lacking(boot)
        if lacking:
            return Finding(
                outcome=Outcome.INVALID,
                cause="not-proven",
                reason=f"{boot.directory} boot: image and memory were not compared: {lacking}",
                rests_on=("boots[*].saved", "boots[*].restored"),
            )
    return None


def _lacking(boot: Boot) -> str:
    hibernated = boot.attempt is not None and boot.attempt.errno is None
    if hibernated and (boot.saved is None or not boot.saved.view):
        return boot.saved.lacking if boot.saved else "the snapshot was not seen"
    if boot.resumed and (boot.restored is None or boot.restored.image is None):
        return boot.restored.lacking if boot.restored else "the restore was not seen"
    return ""


def doubts(evidence: Evidence) -> str:
    """Return what the proof has against a run that ended badly anyhow, empty when nothing."""
    for boot in evidence.boots:
        for look in (_image, _restored):
            wrong = look(boot)
            if wrong is not None:
                return f"{boot.directory} boot: {wrong.reason}"
    return ""


PROOF_RULES: tuple[Rule, ...] = (
    _rule(_image, "saved"),
    _rule(_ledger, "saved.ledger"),
    _rule(_restored, "restored"),
    _disks,
)
LAST_RULES: tuple[Rule, ...] = (_not_proven,)
