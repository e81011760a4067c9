"""Rules on the proof: what the image and memory were found to be, page by page."""

from hibtest.evidence import Boot, DiskProof, Evidence, View
from hibtest.spec import AgentMethod, Outcome, Protect, Scenario
from hibtest.verdict.back import woke
from hibtest.verdict.finding import Finding, Rule, corrupt, each, found


def _first(view: View) -> str:
    """Return the first page that is not explained, in words."""
    page = view.differences[0]
    where = f" ({page.what})" if page.what else ""
    count = "1 byte" if page.count == 1 else f"{page.count} bytes"
    how = f"; {page.how}" if page.how else ""
    return f"PFN {page.pfn:#x}{where}, {count} from {page.first:#x} on{how}"


def _of(view: View) -> str:
    return f"of {view.pages + view.zeroes} pages"


def _shown(cause: str, boot: Boot, reason: str, view: View, field: str) -> Finding:
    """Return what is wrong with a boot, with the view that shows it."""
    return corrupt(cause, boot, f"{reason}: {_first(view)}", field, detail=view.dump)


def _image(boot: Boot) -> Finding | None:
    """The image on the disk is sound, and is what memory held at the snapshot."""
    saved = boot.saved
    field = "boots[*].saved"
    if saved is None:
        return None
    if saved.damage:
        reason = f"the image cannot be read: {saved.damage}"
        return corrupt("image-damaged", boot, reason, field)
    view = saved.view
    if view is not None and view.unexplained:
        which = f"{view.unexplained} {_of(view)} of the image"
        reason = f"{which} are not what memory held at the snapshot"
        return _shown("page-saved", boot, reason, view, field)
    if saved.image is not None and saved.image.crc_right is False:
        return corrupt("image-crc", boot, "the checksum of the image is wrong", field)
    return None


def _ledger(boot: Boot) -> Finding | None:
    """Every page of RAM is in the image, or need not be."""
    ledger = None if boot.saved is None else boot.saved.ledger
    if ledger is None or not (ledger.lost or ledger.twice):
        return None
    first = f"; first PFN {ledger.first[0]:#x}" if ledger.first else ""
    lost = f"{ledger.lost} pages in use are not in the image"
    twice = f"{ledger.twice} are in it and should not be"
    return corrupt("pages-lost", boot, f"{lost}, {twice}{first}", "boots[*].saved.ledger")


def _restored(boot: Boot) -> Finding | None:
    """Memory at the jump is what the image holds, and what it was at the snapshot."""
    if boot.restored is None:
        return None
    image, snapshot = boot.restored.image, boot.restored.snapshot
    field = "boots[*].restored"
    if image is not None and image.differ:
        reason = f"{image.differ} {_of(image)} were not restored as the image holds them"
        return _shown("page-restored", boot, reason, image, field)
    if snapshot is not None and snapshot.unexplained:
        now = f"{snapshot.unexplained} {_of(snapshot)} are as the image holds them now"
        reason = f"{now}, but not as they were at the snapshot"
        return _shown("page-changed", boot, reason, snapshot, field)
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
                    f"after the snapshot, in spite of {method.protect}{first}{_files(disk)}"
                )
                return corrupt("disk-changed", boot, reason, "boots[*].disks")
    return None


def _files(disk: DiskProof) -> str:
    return f"; what lies there: {', '.join(disk.files)}" if disk.files else ""


def _not_proven(_scenario: Scenario, evidence: Evidence) -> Finding | None:
    """A cycle that was to be proved, and was not, says nothing."""
    for boot in evidence.boots if evidence.proof else ():
        if lacking := _lacking(boot):
            reason = f"{boot.directory} boot: image and memory were not compared: {lacking}"
            fields = ("boots[*].saved", "boots[*].restored")
            return found(Outcome.INVALID, "not-proven", reason, *fields)
    return None


def _lacking(boot: Boot) -> str:
    tried = boot.attempt
    hibernated = tried is not None and (tried.errno is None or woke(boot))
    if hibernated and (boot.saved is None or not boot.saved.view):
        return boot.saved.lacking if boot.saved else "the snapshot was not seen"
    if boot.resumed and (boot.restored is None or boot.restored.image is None):
        return boot.restored.lacking if boot.restored else "the restore was not seen"
    return ""


def doubts(evidence: Evidence) -> str:
    """Return what the proof has against a run that ended badly anyhow, empty when nothing."""
    whole = (boot for boot in evidence.boots if not boot.power_cut)
    looks = (look(boot) for boot in whole for look in (_image, _ledger, _restored))
    return next((wrong.reason for wrong in looks if wrong), "")


PROOF_RULES: tuple[Rule, ...] = (
    each(_image),
    each(_ledger),
    each(_restored),
    _disks,
)
# What a resume has shown: of an image that is not right, only the boot after it can.
RESTORE_RULES: tuple[Rule, ...] = (each(_restored),)
LAST_RULES: tuple[Rule, ...] = (_not_proven,)
