"""A run that is made again: its scenario, its kernel, and how it was run."""

from dataclasses import dataclass
from pathlib import Path

from hibtest import images
from hibtest.bench import own_files
from hibtest.bench.rundir import JOB, SCENARIO, the_run
from hibtest.evidence import read_json, read_written
from hibtest.images import Report
from hibtest.job import Job
from hibtest.settings import Settings
from hibtest.spec import GuestFiles, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """A run that is to be made again.

    :ivar job: How it was run; ``None`` where there is a scenario alone.
    :ivar said: The same as settings.
    """

    directory: Path
    scenario: Scenario
    job: Job | None
    said: Settings

    def files(self, report: Report) -> GuestFiles | None:
        """Return what its kernel is booted from, ``None`` where the scenario names another.

        :raise SpecError: When that kernel is not in the cache any more.
        """
        job = self.job
        if job is None or job.kernel.name != self.scenario.guest.kernel:
            return None
        return images.as_then(job.files, report)


def again(directory: Path) -> Again:
    """Read what a run was.

    :raise SpecError: When the directory holds no run, or what it holds cannot be meant.
    """
    run = the_run(directory.absolute())
    scenario = own_files.kept(read_written(run / SCENARIO, Scenario), run)
    job = read_json(run / JOB, Job) if (run / JOB).exists() else None
    said = Settings(
        accel=job.host.accel if job else None,
        proof=job.proof if job else None,
        retry=job.retry if job else None,
        warm=job.templates is not None if job else None,
        runs=run.parents[1] if run.parent.name == scenario.name else None,
    )
    return Again(directory=run, scenario=scenario, job=job, said=said)
