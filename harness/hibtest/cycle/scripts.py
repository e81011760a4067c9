"""What is done in each boot of a cycle, and what is noted of it."""

from dataclasses import dataclass, field, replace

import msgspec

from hibtest.cycle import agent, hibernate, witness, workload
from hibtest.cycle.boot import Came, Running, came_up
from hibtest.cycle.probe import Probe
from hibtest.cycle.proof.blocks import prove_disk, read_blocks
from hibtest.cycle.proof.kernel import Places
from hibtest.cycle.proof.restore import Restorer
from hibtest.cycle.proof.save import prove_save
from hibtest.cycle.proof.snapshot import Snapshot, Taker
from hibtest.cycle.witness import Planted
from hibtest.deadline import DeadlineExpired
from hibtest.errors import GuestError
from hibtest.evidence import (
    Attempt,
    AuditReport,
    DiskProof,
    Hang,
    RestoreProof,
    SaveProof,
    WitnessReport,
)
from hibtest.inside.shell import Shell
from hibtest.spec import AgentMethod, Stage, Stopper

NEEDED = "needed.dot"
_STUCK = 4  # the audit goes on past exercises that are stuck: time for a few of them


@dataclass(slots=True)
class Notes:
    """What a script has found so far; what it had found stays when it is cut short."""

    ready: bool = False
    resumed: bool = False
    boot_id: str = ""
    attempt: Attempt | None = None
    failures: tuple[Attempt, ...] = ()
    witnesses: tuple[WitnessReport, ...] = ()
    audits: tuple[AuditReport, ...] = ()
    hang: Hang | None = None
    garbled: str = ""
    restored: RestoreProof | None = None
    saved: SaveProof | None = None
    disks: tuple[DiskProof, ...] = ()


@dataclass(slots=True)
class Past:
    """What a boot must know of those before it.

    :ivar planted: What each witness was planted as.
    :ivar loads: What each workload was set up as.
    :ivar places: Where things of the guest's kernel lie.
    :ivar snapshot: Memory at the last snapshot, when it was looked at.
    """

    planted: Planted = field(default_factory=dict)
    loads: Planted = field(default_factory=dict)
    places: Places = field(default_factory=Places)
    snapshot: Snapshot | None = None

    def close(self) -> None:
        """Forget the snapshot: it takes room."""
        if self.snapshot is not None:
            self.snapshot.kept.close()
        self.snapshot = None


def save(run: Running, notes: Notes, past: Past) -> None:
    """Boot afresh, plant the witnesses, hibernate. Refused, look at what is left of them.

    :raise GuestError: When the guest does not get ready to hibernate.
    """
    came = came_up(run.watch)
    if came is not Came.READY:
        return
    notes.ready = True
    run.watch.enter(Stage.PREPARE)
    with run.connect(Stage.PREPARE) as shell:
        probe = Probe(shell, run.lab.budget.patience)
        deadline = run.deadline(Stage.PREPARE, "the workloads")
        past.loads = workload.plant(probe, run.lab.scenario.workloads, deadline)
        deadline = run.deadline(Stage.PREPARE, "the planting of the witnesses")
        planted = witness.plant(probe, deadline)
        notes.boot_id, past.planted, past.places = planted
        method = run.lab.scenario.method
        if isinstance(method, AgentMethod):
            agent.ship(shell, deadline)
            if method.stopper is not Stopper.FREEZER:
                _draw_needed(run, shell)
        notes.failures = _failures(run, shell)
        off = _hibernate(run, notes, shell, past)
        if not off:
            _examine(run, notes, shell, past)


def resume(run: Running, notes: Notes, past: Past, *, again: bool) -> None:
    """Boot on the disks of a hibernated guest; look at it; hibernate again if asked."""
    restorer = _restorer(run, past.snapshot)
    try:
        up = _up(run, notes)
    finally:
        notes.restored = restorer.proof if restorer else None
    if not up:
        return
    run.watch.enter(Stage.WITNESS)
    with run.connect(Stage.WITNESS) as shell:
        if notes.ready:
            notes.boot_id = _boot_id(run, shell)
            return
        mark = run.watch.seen("returned")
        notes.attempt = hibernate.returned(mark) if mark else None
        _examine(run, notes, shell, past)
        if again:
            _hibernate(run, notes, shell, past)


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


def _examine(run: Running, notes: Notes, shell: Shell, past: Past) -> None:
    """Look at what is left of the witnesses; in a new connection, once, when this one breaks.

    A connection that was there before says nothing of the guest when it is gone; one that cannot
    be made any more does.
    """
    run.watch.enter(Stage.WITNESS)
    try:
        _look(run, notes, shell, past)
    except GuestError as error:
        if shell.alive or run.watch.ends():
            raise
        run.watch.note(f"connects anew: {error.message}")
        with run.connect(Stage.WITNESS) as other:
            _look(run, notes, other, past)


def _look(run: Running, notes: Notes, shell: Shell, past: Past) -> None:
    probe = Probe(shell, run.lab.budget.patience, shipped=True)
    checking = run.deadline(Stage.WITNESS, "the look at the witnesses")
    notes.boot_id, notes.witnesses = witness.check(probe, past.planted, checking)
    notes.witnesses += workload.check(probe, past.loads, checking)
    auditing = run.deadline(Stage.WITNESS, "the audit", times=_STUCK)
    notes.audits = witness.audit(probe, auditing)


def _draw_needed(run: Running, shell: Shell) -> None:
    """Keep, beside the run, whom the agent will find the disks to need."""
    deadline = run.deadline(Stage.PREPARE, "the graph of what stands on what")
    graph = agent.needed_graph(shell, deadline)
    (run.lab.directory / NEEDED).write_text(graph)


def _failures(run: Running, shell: Shell) -> tuple[Attempt, ...]:
    """Have saves fail that are to fail, up to the first that does not."""
    method = run.lab.scenario.method
    attempts: list[Attempt] = []
    for fail_at in method.failures if isinstance(method, AgentMethod) else ():
        failing = msgspec.structs.replace(method, fail_at=fail_at)
        before = hibernate.Seen.of(run.watch)
        deadline = run.deadline(Stage.PREPARE, f"the start of a save that fails at {fail_at}")
        order = hibernate.start(failing, run.lab.save_word, shell, run.watch, deadline)
        followed = hibernate.follow(failing, run.watch, before, order)
        attempts.append(replace(followed.attempt, asked=fail_at))
        if not followed.attempt.errno:
            break
    return tuple(attempts)


def _hibernate(run: Running, notes: Notes, shell: Shell, past: Past) -> bool:
    """Hibernate; return whether the power is off."""
    method = run.lab.scenario.method
    before = hibernate.Seen.of(run.watch)
    deadline = run.deadline(Stage.PREPARE, "the start of the hibernation")
    past.close()
    taker = _taker(run, notes, past.places)
    notes.attempt = Attempt(mode=method.mode)
    order = hibernate.start(method, run.lab.save_word, shell, run.watch, deadline)
    try:
        followed = hibernate.follow(method, run.watch, before, order)
    except (GuestError, DeadlineExpired):
        notes.attempt = None  # it was never tried: the guest did not take the order
        raise
    notes.attempt = followed.attempt
    if followed.off and run.lab.at_rest is not None and run.image is not None:
        run.lab.at_rest(run.image.path)
    if taker is not None:
        past.snapshot = taker.snapshot
        _proved(run, notes, taker, off=followed.off)
    return followed.off


def _taker(run: Running, notes: Notes, places: Places) -> Taker | None:
    """Have a picture taken of the snapshot that is about to come."""
    if run.stops is None:
        return None
    try:
        lab = run.lab
        paths = [disk.path for disk in lab.storage.compared(lab.directory)]
        return Taker(run.machine, run.stops, places, lab.directory, paths)
    except GuestError as error:
        notes.saved = SaveProof(lacking=str(error))
        return None


def _proved(run: Running, notes: Notes, taker: Taker, *, off: bool) -> None:
    if not off:
        taker.drop()
    elif taker.snapshot is None:
        notes.saved = SaveProof(lacking=taker.lacking)
    elif run.image is None:
        notes.saved = SaveProof(lacking="there is no swap in which an image could lie")
    else:
        notes.saved = prove_save(taker.snapshot, run.image, run.machine.memory)
        disks = run.lab.storage.compared(run.lab.directory)
        notes.disks = tuple(
            prove_disk(disk.serial, before, read_blocks(disk.path))
            for disk, before in zip(disks, taker.snapshot.blocks, strict=True)
        )


def _restorer(run: Running, snapshot: Snapshot | None) -> Restorer | None:
    """Have memory compared at the jump into the kernel that is about to be restored."""
    if run.stops is None or run.machine.memory is None or run.image is None:
        return None
    restorer = Restorer(run.stops, run.machine.memory, run.image, snapshot)
    run.watch.when(Stage.LOAD, restorer.arm)
    return restorer
