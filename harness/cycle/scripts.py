"""What is done in each boot of a cycle, and what is noted of it."""

from dataclasses import dataclass

from harness.cycle import hibernate, witness
from harness.cycle.boot import Came, Running, came_up
from harness.cycle.witness import Planted
from harness.errors import GuestError
from harness.evidence import Attempt, AuditReport, Hang, WitnessReport
from harness.inside.shell import Shell
from harness.spec import Stage

_STUCK = 4  # the audit goes on past exercises that are stuck: time for a few of them


@dataclass(slots=True)
class Notes:
    """What a script has found so far; what it had found stays when it is cut short."""

    ready: bool = False
    resumed: bool = False
    boot_id: str = ""
    attempt: Attempt | None = None
    witnesses: tuple[WitnessReport, ...] = ()
    audits: tuple[AuditReport, ...] = ()
    hang: Hang | None = None


def save(run: Running, notes: Notes, planted: Planted) -> None:
    """Boot afresh, plant the witnesses, hibernate. Refused, look at what is left of them.

    :param planted: Filled with what each witness was planted as.
    :raise GuestError: When the guest does not get ready to hibernate.
    """
    came = came_up(run.watch)
    if came is not Came.READY:
        return
    notes.ready = True
    run.watch.enter(Stage.PREPARE)
    with run.connect(Stage.PREPARE) as shell:
        deadline = run.deadline(Stage.PREPARE, "the planting of the witnesses")
        notes.boot_id, facts = witness.plant(shell, run.lab.budget.patience, deadline)
        planted.update(facts)
        off = _hibernate(run, notes, shell)
        if not off:
            _examine(run, notes, shell, planted)


def resume(run: Running, notes: Notes, planted: Planted, *, again: bool) -> None:
    """Boot on the disks of a hibernated guest; resumed, look at it, and hibernate again if asked.

    :param planted: What each witness was planted as.
    """
    if not _up(run, notes):
        return
    run.watch.enter(Stage.WITNESS)
    with run.connect(Stage.WITNESS) as shell:
        if notes.ready:
            notes.boot_id = _boot_id(run, shell)
            return
        mark = run.watch.seen("returned")
        notes.attempt = hibernate.returned(mark) if mark else None
        _examine(run, notes, shell, planted)
        if again:
            _hibernate(run, notes, shell)


def cold(run: Running, notes: Notes) -> None:
    """Boot once more on the same disks: the image is used up, so this must start afresh."""
    if not _up(run, notes):
        return
    run.watch.enter(Stage.WITNESS)
    with run.connect(Stage.WITNESS) as shell:
        notes.boot_id = _boot_id(run, shell)


def _up(run: Running, notes: Notes) -> bool:
    """Wait until a boot has come to something; return whether its guest runs."""
    came = came_up(run.watch)
    notes.ready = came is Came.READY
    notes.resumed = came is Came.RESUMED
    return came is not Came.ENDED


def _boot_id(run: Running, shell: Shell) -> str:
    deadline = run.deadline(Stage.WITNESS, "the guest's boot_id")
    return shell.run("cat /proc/sys/kernel/random/boot_id", deadline).stdout.strip()


def _examine(run: Running, notes: Notes, shell: Shell, planted: Planted) -> None:
    run.watch.enter(Stage.WITNESS)
    patience = run.lab.budget.patience
    checking = run.deadline(Stage.WITNESS, "the look at the witnesses")
    notes.boot_id, notes.witnesses = witness.check(shell, planted, patience, checking)
    auditing = run.deadline(Stage.WITNESS, "the audit", times=_STUCK)
    notes.audits = witness.audit(shell, patience, auditing)


def _hibernate(run: Running, notes: Notes, shell: Shell) -> bool:
    """Hibernate; return whether the power is off."""
    method = run.lab.scenario.method
    before = run.watch.count("returned")
    deadline = run.deadline(Stage.PREPARE, "the start of the hibernation")
    notes.attempt = Attempt(mode=method.mode)
    try:
        hibernate.start(method, shell, run.watch, deadline)
    except GuestError:
        # the session may die before its answer comes: what the machine does is what counts
        run.watch.pump()
    followed = hibernate.follow(method, run.watch, before)
    notes.attempt = followed.attempt
    return followed.off
