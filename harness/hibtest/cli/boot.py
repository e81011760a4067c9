"""``hibtest boot``: a run's machine once more, by hand."""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hibtest.errors import ExitStatus, SpecError
from hibtest.printable import printable

if TYPE_CHECKING:
    from hibtest.job import Job
    from hibtest.spec import Role


class At(StrEnum):
    """Which boot of a run."""

    SAVE = "save"
    RESUME = "resume"
    COLD = "cold"


def boot(
    directory: Annotated[Path, typer.Argument(metavar="RUN", help="The directory of a run.")],
    at: Annotated[
        At | None, typer.Option(help="As which boot; the run's last, if it is not said.")
    ] = None,
    shell: Annotated[
        bool, typer.Option("--shell", help="A root shell by SSH, once the guest is up.")
    ] = False,
    gdb: Annotated[
        bool, typer.Option("--gdb", help="Wait for gdb before the first instruction.")
    ] = False,
) -> int:
    """Boot a run's guest by hand, on copies of the disks that it kept.

    Its console is this terminal: Ctrl-a x ends it, Ctrl-a c is QEMU's monitor.
    """
    from hibtest.cycle.revisit import on_terminal, revisited, with_shell

    if shell and gdb:
        raise SpecError("--shell and --gdb: a guest that waits for gdb has no shell")
    job = _job(directory)
    role = _role(at, job)
    with revisited(job) as lab:
        _tell(
            f"{job.directory}: its {role} boot, Linux {job.kernel.release}, on copies of its disks"
        )
        if shell:
            return with_shell(lab, role, _tell)
        _tell("Ctrl-a x ends it, Ctrl-a c is QEMU's monitor")
        socket = lab.directory / "gdb" if gdb else None
        if socket:
            _tell(f"it waits: gdb vmlinux -ex 'target remote {socket}' -ex continue")
        status = on_terminal(lab, role, socket)
    return ExitStatus.EXPECTED if status == 0 else ExitStatus.UNAVAILABLE


def _job(directory: Path) -> Job:
    from hibtest import images
    from hibtest.cli.rundir import JOB, the_run
    from hibtest.evidence import read_json
    from hibtest.job import Job
    from hibtest.machine.version import QEMU, find_qemu

    run = the_run(directory.absolute())
    job = read_json(run / JOB, Job)
    if not images.are_ours(job.files):
        hint = "it was made with another cache; rerun.sh makes it again with this one"
        raise SpecError(f"{run}: names files that are not in this cache", hint=hint)
    qemu = find_qemu(QEMU)  # not what the run names, which may be somebody else's
    return replace(job, directory=run, qemu=str(qemu))


def _role(at: At | None, job: Job) -> Role:
    from hibtest.evidence import Evidence, read_json
    from hibtest.job import EVIDENCE
    from hibtest.spec import Role

    if at is not None:
        return Role(at)
    evidence = read_json(job.directory / EVIDENCE, Evidence)
    return evidence.boots[-1].role if evidence.boots else Role.SAVE


def _tell(text: str) -> None:
    print(f"hibtest: {printable(text)}", file=sys.stderr, flush=True)
