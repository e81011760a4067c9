"""Hibernation: saves that are to fail, the one that is to succeed, and its proof."""

from dataclasses import replace

import msgspec

from hibtest.cycle import hibernate
from hibtest.cycle.boot import Running
from hibtest.cycle.filesystems import written
from hibtest.cycle.proof.blocks import PIECE, Blocks, differing, prove_disk, read_blocks
from hibtest.cycle.proof.relations import Digests
from hibtest.cycle.proof.save import prove_save, written_since
from hibtest.cycle.proof.snapshot import Taker
from hibtest.cycle.rollcall.call import Change, roll_call
from hibtest.cycle.steps.examine import examine
from hibtest.cycle.steps.situation import Situation
from hibtest.cycle.steps.stay import Stay
from hibtest.deadline import DeadlineExpired
from hibtest.errors import GuestError
from hibtest.evidence import Attempt, DiskProof, SaveProof
from hibtest.machine.shape import Disk
from hibtest.reach.shell import Shell
from hibtest.spec import AgentMethod, Method, Role, Stage


def fail(at: Situation, shell: Shell) -> bool:
    """Have saves fail that are to fail, up to the first that does not."""
    method = at.run.lab.job.scenario.method
    for fail_at in method.failures if isinstance(method, AgentMethod) else ():
        failing = msgspec.structs.replace(method, fail_at=fail_at)
        what = f"the start of a save that fails at {fail_at}"
        followed = _followed(at, shell, failing, what)
        attempt = replace(followed.attempt, asked=fail_at)
        at.boot = replace(at.boot, failures=(*at.boot.failures, attempt))
        if followed.off:
            return False
        if not attempt.errno:
            break
    return True


def save(at: Situation, shell: Shell) -> bool:
    """Hibernate. Refused in its first life, a guest is looked at."""
    run, past, method = at.run, at.past, at.run.lab.job.scenario.method
    before = () if past.snapshot is None else (past.snapshot.digested(),)
    past.close()
    taker = _taker(at, before)
    header = run.swap.header() if run.swap else None
    at.boot = replace(at.boot, attempt=Attempt(mode=method.mode), header_before=header)
    stay = Stay(at, taker, asleep=lambda: _prove(at, taker))
    try:
        followed = _followed(at, shell, method, "the start of the hibernation")
    except (GuestError, DeadlineExpired):
        at.boot = replace(at.boot, attempt=None)  # the guest did not take the order
        raise
    at.boot = replace(at.boot, attempt=followed.attempt)
    if taker is not None:
        past.snapshot = taker.snapshot
    if followed.off:
        run.faults.rest()
        _prove(at, taker)
        return False
    if taker is not None:
        taker.drop()
    well = not followed.attempt.errno
    stay.note(method.mode, well=well)
    if run.lab.job.scenario.comes_back and well:
        return True
    if at.boot.role is Role.SAVE:
        examine(at, shell)
    return False


def _followed(at: Situation, shell: Shell, method: Method, what: str) -> hibernate.Followed:
    watch = at.run.watch
    before = hibernate.Seen.of(watch)
    deadline = at.run.deadline(Stage.PREPARE, what)
    order = hibernate.start(method, at.run.lab.save_word, shell, watch, deadline)
    return hibernate.follow(method, watch, before, order)


def _taker(at: Situation, before: tuple[Digests, ...]) -> Taker | None:
    """Have a picture taken of the snapshot that is about to come."""
    run, lab = at.run, at.run.lab
    if run.stops is None:
        return None
    try:
        paths = [disk.path for disk in lab.storage.compared(lab.job.directory)]
        return Taker(run.machine, run.stops, at.past.places, lab.job.directory, paths, before)
    except GuestError as error:
        at.boot = replace(at.boot, saved=SaveProof(lacking=str(error)))
        return None


def _prove(at: Situation, taker: Taker | None) -> None:
    """Compare what the machine has left, or leaves while it sleeps, with its snapshot."""
    run: Running = at.run
    memory = run.machine.memory
    if taker is None:
        return
    snapshot = taker.snapshot
    if snapshot is None or memory is None:
        at.boot = replace(at.boot, saved=SaveProof(lacking=taker.lacking))
        return
    since = written_since(snapshot, memory)
    if run.image is None:
        saved = SaveProof(lacking="there is no swap in which an image could lie")
    else:
        saved = prove_save(snapshot, run.image, since)
    change = Change(then=snapshot.kept, now=memory, pfns=snapshot.kinds.content(since.pfns))
    roll = roll_call(at.past.places, snapshot.space, change)
    disks = run.lab.storage.compared(run.lab.job.directory)
    pairs = zip(disks, snapshot.blocks, strict=True)
    proofs = tuple(_disk(at, disk, before) for disk, before in pairs)
    at.boot = replace(at.boot, saved=replace(saved, roll=roll), disks=proofs)


def _disk(at: Situation, disk: Disk, before: Blocks) -> DiskProof:
    """Compare a disk; where it was written to, say what lies there."""
    lab, now = at.run.lab, read_blocks(disk.path)
    proof = prove_disk(disk.serial, before, now)
    stored = lab.storage.filesystems(lab.job.files, lab.job.directory)
    one = next((found for found in stored if found.disk == disk), None)
    if one is None or not proof.differ:
        return proof
    places = differing(before, now)
    return replace(proof, files=written(one, places, PIECE, lab.job.directory))
