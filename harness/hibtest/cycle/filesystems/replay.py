"""Logs of filesystems that only the guest's kernel replays, replayed on copies of a run's disks.

A host mounts nothing that a guest has written, and may have no driver for it, or not the right; and
XFS whose log is thrown away (``xfs_repair -L``) has problems that its kernel never left. So the
run's own kernel boots once more, mounts what it mounted, and unmounts it.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hibtest import story
from hibtest.cycle.boot import Came, Running, came_up, running
from hibtest.cycle.copies import copied
from hibtest.cycle.lab import Lab
from hibtest.cycle.watch import Stalled
from hibtest.deadline import DeadlineExpired
from hibtest.errors import GuestError
from hibtest.spec import Mounts, Role, Stage
from hibtest.spec.course import BootPlan, course

DIRECTORY = "replay"  # of that boot, in the run's
_UNMOUNT = "swapoff -a && umount -a -t xfs,btrfs && sync"
_UNMOUNTABLE = "the filesystem on "  # words.sh.j2; of no other disk is that said


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """Copies of a run's disks, their logs replayed.

    :ivar directory: Where they are, each by its name.
    :ivar damage: Why the kernel cannot mount one; empty when it could.
    :ivar lacking: Why nobody knows whether it could; empty when it is known.
    """

    directory: Path
    damage: str = ""
    lacking: str = ""


Replay = Callable[[], AbstractContextManager[Replayed]]


@contextmanager
def replayed(lab: Lab) -> Iterator[Replayed]:
    """Boot the guest of a run that is over, on copies of its disks; they are gone on leaving.

    It takes the turn that the run has.

    :raise HostError: When the disks cannot be copied.
    :raise QemuError: When QEMU does not start.
    """
    with copied(lab.job) as job:
        scenario = replace(job.scenario, mounts=Mounts.WRITABLE)  # or no log would be replayed
        again = replace(Lab.of(replace(job, scenario=scenario), began=lab.began), told=lab.told)
        found = Replayed(directory=job.directory)
        guest = course(job.scenario)[-1].guest  # whose kernel has mounted them last
        plan = BootPlan(role=Role.RESCUE, name=DIRECTORY, guest=guest, steps=())
        with running(again, plan, 0, lab.job.directory / DIRECTORY) as run:
            try:
                found = _unmounted(run, found)
            except (GuestError, DeadlineExpired, Stalled) as error:
                found = replace(found, lacking=f"the boot that was to replay its log: {error}")
            run.watch.close()
        yield found


def _unmounted(run: Running, found: Replayed) -> Replayed:
    if came_up(run.watch) is Came.READY:
        run.watch.enter(Stage.WITNESS)
        with run.connect(Stage.WITNESS) as shell:
            shell.run(_UNMOUNT, run.deadline(Stage.WITNESS, "the filesystems to be unmounted"))
        return found
    gave_up = story.why_not_ready(run.watch.record.marks)
    panic = run.watch.seen("panic")
    if gave_up and _UNMOUNTABLE in gave_up.reason:
        return replace(found, damage=f"the guest's kernel cannot mount it: {gave_up.reason}")
    if panic:
        return replace(found, damage=f"the guest's kernel panics over it: {panic.line}")
    why = gave_up.reason if gave_up else "the machine ended"
    return replace(found, lacking=f"the boot that was to replay its log: {why}")
