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
    from hibtest.evidence import Boot
    from hibtest.image.place import ImagePlace
    from hibtest.job import Job
    from hibtest.spec import Role


class At(StrEnum):
    """Which boot of a run."""

    SAVE = "save"
    RESUME = "resume"
    RESCUE = "rescue"
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
    from hibtest.spec import Role

    if shell and gdb:
        raise SpecError("--shell and --gdb: a guest that waits for gdb has no shell")
    job = _job(directory)
    boots = _boots(job)
    role = Role(at or (boots[-1].role if boots else Role.SAVE))
    told = next((boot.swap_offset for boot in boots if boot.swap_offset is not None), None)
    with revisited(job, told) as lab:
        _tell(
            f"{job.directory}: its {role} boot, Linux {job.kernel.release}, on copies of its disks"
        )
        image = lab.storage.image_in(lab.job.directory, lab.told)
        if outlook := _outlook(image, role):
            _tell(outlook)
        if shell:
            return with_shell(lab, role, _tell)
        _tell("Ctrl-a x ends it, Ctrl-a c is QEMU's monitor")
        socket = lab.job.directory / "gdb" if gdb else None
        if socket:
            _tell(f"it waits: gdb vmlinux -ex 'target remote {socket}' -ex continue")
        status = on_terminal(lab, role, socket)
    return ExitStatus.EXPECTED if status == 0 else ExitStatus.UNAVAILABLE


def _job(directory: Path) -> Job:
    from hibtest import images
    from hibtest.bench.rundir import JOB, the_run
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


def _boots(job: Job) -> tuple[Boot, ...]:
    from hibtest.evidence import Evidence, read_json
    from hibtest.job import EVIDENCE

    return read_json(job.directory / EVIDENCE, Evidence).boots


def _outlook(image: ImagePlace | None, role: Role) -> str:
    """Return what is to be known of a boot that was to resume and will not, else nothing."""
    from hibtest.spec import Role

    if role is Role.SAVE or (image and image.waits()):
        return ""
    return "no image waits on them (a resume uses it up): the guest starts afresh"


def _tell(text: str) -> None:
    print(f"hibtest: {printable(text)}", file=sys.stderr, flush=True)
