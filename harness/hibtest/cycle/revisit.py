"""A run that is over, booted once more by hand: on copies of its disks, which stay as they are."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hibtest.cycle.boot import Came, came_up, running
from hibtest.cycle.copies import copied
from hibtest.cycle.lab import Lab
from hibtest.cycle.server import served
from hibtest.cycle.storage import storage_of
from hibtest.cycle.storage.left import disks_in
from hibtest.cycle.watch import Stalled
from hibtest.errors import GuestError, HostError, SpecError
from hibtest.given import opened
from hibtest.image.qcow2 import Leads, leads
from hibtest.job import Job
from hibtest.machine.argv import argv
from hibtest.machine.turns import turn
from hibtest.spec import Always, Role
from hibtest.spec.course import first

_LOOK = 0.5  # s between two looks at whether the shell has ended


@contextmanager
def revisited(job: Job, told: int | None = None) -> Iterator[Lab]:
    """Copy a run's disks, and yield what it takes to boot them; the copies go when it is left.

    :param told: Where the guest said that its swap file lies, if it was asked.
    :raise SpecError: When the disks are gone.
    :raise HostError: When they cannot be copied, or the guest's files are gone.
    """
    kept = disks_in(job.directory)
    if not kept:
        hint = f"they stay when a run surprises, or with --keep: {job.directory}/rerun.sh --keep"
        raise SpecError(f"{job.directory}: its disks are not there", hint=hint)
    files = job.files
    booted = (files.kernel, files.initrd, files.root, files.toolbox, files.modules)
    for file in filter(None, booted):
        if not file.exists():
            raise HostError(f"{file}, which that run was booted from, is not in the cache any more")
    for path in kept:
        _require_own(path, files.root)
    if missing := storage_of(job.scenario).missing(job.directory):
        hint = f"another hibtest may have made the run; {job.directory}/rerun.sh makes it again"
        raise SpecError(f"{missing[0]}: no such disk", hint=hint)
    # what goes wrong at a moment was for the run
    faults = tuple(one for one in job.scenario.faults if isinstance(one.when, Always))
    with copied(job, faults) as again:
        lab = replace(Lab.of(again), told=told)
        with turn(lab.accel), served(lab) as equipped:
            yield equipped


def _require_own(disk: Path, root: Path) -> None:
    """Check that a disk is what a run leaves: a run may be anybody's, and lead anywhere.

    :raise SpecError: When it is no file of its own, or lies on another than the root disk.
    """
    if disk.is_symlink() or not disk.is_file():
        raise SpecError(f"{disk}: no disk of a run", hint="boot a run that this host has made")
    with opened(disk, "disk of a run", device=False) as fd:
        found = leads(fd, str(disk)) if disk.suffix == ".qcow2" else Leads(backing=str(root))
    if found != Leads(backing=str(root), backing_format=found.backing_format if found else ""):
        where = found.data or found.backing if found else "nothing that is qcow2"
        raise SpecError(f"{disk}: lies on {where!r}, not on the root disk {root}")


def on_terminal(lab: Lab, role: Role, gdb: Path | None = None) -> int:
    """Run a boot with its console on this terminal, until the guest or somebody ends it.

    :param gdb: A socket at which QEMU waits for gdb before the guest's first instruction.
    :return: QEMU's exit status.
    """
    stub = () if gdb is None else ("-S", "-gdb", f"unix:{gdb},server=on,wait=off")
    return subprocess.run(
        [*argv(lab.machine(first(lab.job.scenario, role))), *stub], check=False
    ).returncode


def with_shell(lab: Lab, role: Role, tell: Callable[[str], None]) -> int:
    """Run a boot, and a shell in its guest by ssh(1) once it is ready or resumed.

    :param tell: Is told how it goes, in lines.
    :return: The shell's exit status.
    :raise GuestError: When there is no guest to have a shell in.
    """
    with running(lab, first(lab.job.scenario, role), 0, lab.job.directory / "boot") as run:
        try:
            came = came_up(run.watch)
        except Stalled as stalled:
            raise GuestError(f"{stalled}; {_last(run.watch.last_lines())}") from stalled
        if came is Came.ENDED:
            raise GuestError(f"the machine ended: {_last(run.watch.last_lines())}")
        tell(f"the guest is {came}; leave the shell to end it")
        with subprocess.Popen(_ssh(lab, run.machine.ssh_port)) as shell:
            while shell.poll() is None and not run.watch.ends(_LOOK):
                pass  # ends() takes in what the guest prints, for which it would wait otherwise
            if shell.poll() is None:
                shell.terminate()
                tell(f"the machine ended: {_last(run.watch.last_lines())}")
            return shell.wait()


def _ssh(lab: Lab, port: int) -> Sequence[str]:
    known = lab.job.directory / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {lab.job.files.host_key}\n")
    options = {
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(known),
        "GlobalKnownHostsFile": "/dev/null",
        "LogLevel": "ERROR",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    identity = ("-F", "/dev/null", "-i", str(lab.job.files.ssh_key))
    return ("ssh", *identity, *words, "-p", str(port), "root@127.0.0.1")


def _last(lines: Sequence[str]) -> str:
    return f"its console ends: {lines[-1]}" if lines else "its console is empty"
