"""From a scenario to a job: guest files, QEMU, acceleration and a run directory.

The command line and the pytest plugin both come here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hibtest import images
from hibtest.bench import own_files
from hibtest.bench.rundir import JOB, OWNER, SCENARIO, new_directory, write_rerun
from hibtest.errors import SpecError
from hibtest.evidence import GuestKernel, Host, Try, to_json
from hibtest.files import whole
from hibtest.job import Job
from hibtest.machine.accel import choose, qemu_version
from hibtest.machine.disk import require_room
from hibtest.machine.version import QEMU, find_qemu
from hibtest.settings import Settings
from hibtest.spec import OWN_KERNEL, GuestFiles, Scenario
from hibtest.store import cache_dir

RUNS = Path("runs")
_ROOT_GROWTH_MIB = 256  # what a guest may write to its root disk; an image is half its memory
_COPY_MIB = 384  # of a disk, on which its filesystem is looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where scenarios are run, and how.

    :ivar runs: The directory of run directories.
    :ivar given: The files of one kernel, whatever its name stands for today: one's own, or that
        of an earlier run.
    :ivar pinned: The files of kernels, whatever their names stand for on this host.
    :ivar proof: Whether images are compared with the guest's memory.
    :ivar retry: Whether a run may be made again (:mod:`hibtest.retry`).
    :ivar warm: Whether boots may start from templates (docs/templates.md).
    :ivar owner: Of the runs that are made (:mod:`hibtest.bench.leftovers`), if they have one.
    """

    host: Host
    qemu: str
    runs: Path
    given: GuestFiles | None = None
    pinned: tuple[GuestFiles, ...] = ()
    proof: bool = True
    retry: bool = True
    warm: bool = True
    owner: str = ""

    def files(self, kernel: str) -> GuestFiles:
        """Return the guest files of a kernel.

        :raise HostError: When they are not built.
        """
        for one in (self.given, *self.pinned):
            if one is not None and one.kernel_name == kernel:
                return one
        if kernel == OWN_KERNEL:
            raise SpecError("the kernel 'own' needs --kernel")
        return images.guest_files(kernel)

    def job(
        self,
        scenario: Scenario,
        tries: tuple[Try, ...] = (),
        own: Mapping[str, bytes] | None = None,
    ) -> Job:
        """Return the job of a scenario, in a new run directory.

        :param tries: Runs in whose place this one is made: its boots start with their firmware,
            since a template may have been to blame.
        :param own: The scenario's own files by their names; read from where it says if not given.
        :raise HostError: When the directory cannot be made, or its file system is full.
        :raise SpecError: When a file that the scenario needs is not there.
        """
        files, *others = map(self.files, scenario.kernels)
        own = own_files.read(scenario) if own is None else own
        there = next(one for one in (self.runs, *self.runs.parents) if one.is_dir())
        require_room(there, scenario.guest.memory_mib + _ROOT_GROWTH_MIB + _COPY_MIB)
        directory = new_directory(self.runs, scenario.name)
        scenario = own_files.keep(scenario, own, directory)
        job = Job(
            scenario=scenario,
            files=files,
            kernel=_kernel(files),
            host=self.host,
            qemu=self.qemu,
            directory=directory,
            proof=self.proof,
            retry=self.retry,
            templates=templates_dir() if self.warm and not tries else None,
            tries=tries,
            others=tuple(others),
        )
        whole(directory / SCENARIO, to_json(scenario))
        whole(directory / JOB, to_json(job))
        if self.owner:
            whole(directory / OWNER, self.owner.encode())
        write_rerun(directory)
        return job


def bench(
    runs: Path,
    accel: str,
    *,
    proof: bool = True,
    retry: bool = True,
    warm: bool = True,
    pinned: tuple[GuestFiles, ...] = (),
) -> Bench:
    """Look at this host once, for all scenarios.

    :param accel: ``auto``, ``kvm`` or ``tcg``.
    :param proof: Whether images are compared with the guest's memory.
    :param retry: Whether a run may be made again.
    :param warm: Whether boots may start from templates.
    :param pinned: The files of kernels, whatever their names stand for on this host.
    :raise HostError: When QEMU is missing, or KVM is asked for and does not work.
    """
    qemu = str(find_qemu(QEMU))
    chosen, reason = choose(qemu, accel)
    host = Host(qemu=qemu_version(qemu), accel=str(chosen), accel_reason=reason)
    return Bench(
        host=host, qemu=qemu, runs=runs.absolute(), proof=proof, retry=retry, warm=warm,
        pinned=pinned,
    )  # fmt: skip


def _kernel(files: GuestFiles) -> GuestKernel:
    return GuestKernel(name=files.kernel_name, release=files.release, sha256=images.sha256(files))


def templates_dir() -> Path:
    """Return where templates of this user's guests are kept."""
    return cache_dir() / "templates"


def bench_as(said: Settings) -> Bench:
    """Look at this host once, as the settings have it.

    :raise HostError: As :func:`bench` does.
    """
    return bench(
        said.runs or RUNS,
        said.accel or "auto",
        proof=said.proof is not False,
        retry=said.retry is not False,
        warm=said.warm is not False,
    )
