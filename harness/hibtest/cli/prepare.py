"""From a scenario to a job: guest files, QEMU, acceleration and a run directory.

The command line and the pytest plugin both come here.
"""

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from hibtest import images
from hibtest.cycle.disks import KEYS, NAMES
from hibtest.cycle.scripts import NEEDED
from hibtest.errors import HostError, SpecError
from hibtest.evidence import Evidence, Fault, GuestKernel, Host, Try, read_json, to_json
from hibtest.files import whole
from hibtest.job import EVIDENCE, Job
from hibtest.machine.accel import choose, qemu_version
from hibtest.machine.disk import require_room
from hibtest.report import picture
from hibtest.spec import OWN_KERNEL, GuestFiles, Scenario
from hibtest.verdict import Verdict, judge

QEMU = "qemu-system-x86_64"
OWNER, VERDICT = "owner", "verdict.json"
_ROOT_GROWTH_MIB = 256  # what a guest may write to its root disk; an image is half its memory
_DEBIAN = re.compile(r"\b(bookworm|trixie|backports)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKernel:
    """A kernel given with ``--kernel``, and its modules."""

    bzimage: Path
    modules: Path | None = None


def on_own_kernel(scenarios: tuple[Scenario, ...]) -> tuple[Scenario, ...]:
    """Return the scenarios as they are for one's own kernel, each once."""
    changed: dict[str, Scenario] = {}
    for scenario in scenarios:
        name = _DEBIAN.sub(OWN_KERNEL, scenario.name)
        guest = replace(scenario.guest, kernel=OWN_KERNEL)
        changed.setdefault(name, replace(scenario, name=name, guest=guest))
    return tuple(changed.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where scenarios are run, and how.

    :ivar runs: The directory of run directories.
    :ivar own: One's own kernel, if any.
    :ivar proof: Whether images are compared with the guest's memory.
    :ivar retry: Whether a run may be made again (:mod:`hibtest.retry`).
    :ivar owner: Of the runs that are made (:mod:`hibtest.cli.leftovers`), if they have one.
    """

    host: Host
    qemu: str
    runs: Path
    own: GuestFiles | None = None
    proof: bool = True
    retry: bool = True
    owner: str = ""

    def files(self, kernel: str) -> GuestFiles:
        """Return the guest files of a kernel.

        :raise HostError: When they are not built.
        """
        if kernel == OWN_KERNEL:
            if self.own is None:
                raise SpecError("the kernel 'own' needs --kernel BZIMAGE")
            return self.own
        return images.guest_files(kernel)

    def job(self, scenario: Scenario, tries: tuple[Try, ...] = ()) -> Job:
        """Return the job of a scenario, in a new run directory.

        :param tries: Runs in whose place this one is made.

        :raise HostError: When the directory cannot be made, or its file system is full.
        """
        files = self.files(scenario.guest.kernel)
        directory = new_directory(self.runs, scenario.name)
        require_room(directory, scenario.guest.memory_mib + _ROOT_GROWTH_MIB)
        job = Job(
            scenario=scenario,
            files=files,
            kernel=_kernel(files),
            host=self.host,
            qemu=self.qemu,
            directory=directory,
            proof=self.proof,
            tries=tries,
        )
        whole(directory / "scenario.json", to_json(scenario))
        whole(directory / "job.json", to_json(job))
        if self.owner:
            whole(directory / OWNER, self.owner.encode())
        _write_rerun(directory)
        _point_latest(self.runs, directory)
        return job


def bench(
    runs: Path,
    accel: str,
    own: OwnKernel | None = None,
    *,
    proof: bool = True,
    retry: bool = True,
) -> Bench:
    """Look at this host once, for all scenarios.

    :param accel: ``auto``, ``kvm`` or ``tcg``.
    :param proof: Whether images are compared with the guest's memory.
    :param retry: Whether a run may be made again.
    :raise HostError: When QEMU is missing, or KVM is asked for and does not work.
    """
    qemu = shutil.which(QEMU)
    if qemu is None:
        raise HostError(f"{QEMU} is missing", hint="apt-get install qemu-system-x86")
    chosen, reason = choose(qemu, accel)
    host = Host(qemu=qemu_version(qemu), accel=str(chosen), accel_reason=reason)
    files = images.own_kernel(own.bzimage, own.modules) if own else None
    return Bench(host=host, qemu=qemu, runs=runs.absolute(), own=files, proof=proof, retry=retry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a scenario.

    :ivar job: Its run; ``None`` when there is none.
    :ivar evidence: What it was judged by; ``None`` when there was nothing to be judged.
    """

    verdict: Verdict
    job: Job | None = None
    evidence: Evidence | None = None

    @property
    def seconds(self) -> float:
        """How long its run took."""
        return self.evidence.seconds if self.evidence else 0.0


def finish(job: Job, *, keep: bool) -> Result:
    """Judge a finished run from its stored evidence, and tidy its directory.

    The disks stay when the outcome is not the expected one, or when asked for.
    """
    graph = job.directory / NEEDED
    if graph.exists():
        picture.draw(graph.read_text(), graph)
    evidence = _evidence(job)
    verdict = judge(job.scenario, evidence)
    whole(job.directory / VERDICT, to_json(verdict))
    (job.directory / OWNER).unlink(missing_ok=True)
    if verdict.as_expected and not keep:
        drop_disks(job.directory)
    return Result(verdict=verdict, job=job, evidence=evidence)


def _evidence(job: Job) -> Evidence:
    """Return what is stored of a run.

    Of a guest that never got ready it has what is wrong with the files it was booted from, since
    its kernel may be good.
    """
    path = job.directory / EVIDENCE
    evidence = read_json(path, Evidence)
    if evidence.fault or any(boot.ready for boot in evidence.boots):
        return evidence
    wrong = images.damaged(job.files)
    if not wrong:
        return evidence
    message = f"the guest did not get ready, and {wrong[0]}"
    hint = "`hibtest images verify` names all; remove what it names, and build again"
    fault = Fault(kind=HostError.__name__, message=message, hint=hint)
    evidence = replace(evidence, fault=fault)
    whole(path, to_json(evidence))
    return evidence


def disks_of(directory: Path) -> list[Path]:
    """Return the disks of a run that are there."""
    return [path for name in NAMES if (path := directory / name).exists()]


def drop_disks(directory: Path) -> None:
    """Remove the disks of a run."""
    for disk in disks_of(directory):
        disk.unlink(missing_ok=True)
    shutil.rmtree(directory / KEYS, ignore_errors=True)


def judge_run(directory: Path) -> Verdict:
    """Judge a run from what is stored in its directory.

    :raise SpecError: When the directory holds no run.
    """
    scenario = read_json(directory / "scenario.json", Scenario)
    return judge(scenario, read_json(directory / EVIDENCE, Evidence))


def _kernel(files: GuestFiles) -> GuestKernel:
    return GuestKernel(name=files.kernel_name, release=files.release, sha256=images.sha256(files))


def new_directory(runs: Path, name: str) -> Path:
    """Make the next run directory of a name.

    :raise HostError: When it cannot be made.
    """
    try:
        (runs / name).mkdir(parents=True, exist_ok=True)
        number = 1 + max(
            (int(p.name) for p in (runs / name).iterdir() if p.name.isdigit()), default=0
        )
        while True:
            directory = runs / name / str(number)
            try:
                directory.mkdir(mode=0o700)
            except FileExistsError:  # another hibtest was quicker
                number += 1
            else:
                return directory
    except OSError as error:
        raise HostError(
            f"cannot make a run directory in {runs}: {error.strerror}", hint="use --runs DIR"
        ) from error


def _write_rerun(directory: Path) -> None:
    launcher = Path(__file__).resolve().parents[3] / "hibtest"
    script = directory / "rerun.sh"
    script.write_text(
        f"#!/bin/sh\n# Runs this scenario once more, in a new run directory.\n"
        f'exec "{launcher}" run --from "$(dirname "$0")" "$@"\n'
    )
    script.chmod(0o755)


def _point_latest(runs: Path, directory: Path) -> None:
    link = runs / f".latest-{directory.parent.name}-{directory.name}"
    link.symlink_to(directory.relative_to(runs))
    link.rename(runs / "latest")
