"""A run that has ended: judged from what is stored of it, and its directory tidied."""

from dataclasses import dataclass, replace
from pathlib import Path

from hibtest import images
from hibtest.bench.rundir import OWNER, SCENARIO, VERDICT, point_latest, the_run
from hibtest.cycle.steps.plant import NEEDED
from hibtest.cycle.storage.left import drop_disks
from hibtest.errors import HostError
from hibtest.evidence import Evidence, Trouble, read_json, to_json
from hibtest.files import whole
from hibtest.job import EVIDENCE, Job
from hibtest.report import picture
from hibtest.report.matrix import Judged
from hibtest.spec import Outcome, Scenario
from hibtest.verdict import Verdict, judge


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
    def invalid(self) -> bool:
        """Whether there is no verdict of the kernel."""
        return self.verdict.outcome is Outcome.INVALID

    @property
    def seconds(self) -> float:
        """How long its run took."""
        return self.evidence.seconds if self.evidence else 0.0


def finish(job: Job, *, keep: bool) -> Result:
    """Judge a finished run from its stored evidence, and tidy its directory.

    The disks stay when the outcome is not the expected one, or when asked for.
    """
    look_at_files(job)
    return judged(job, keep=keep)


def judged(job: Job, *, keep: bool) -> Result:
    """Do as :func:`finish` does, for a run whose guest files were looked at where it was made."""
    graph = job.directory / NEEDED
    if graph.exists():
        picture.draw(graph.read_text(), graph)
    evidence = read_json(job.directory / EVIDENCE, Evidence)
    verdict = judge(job.scenario, evidence)
    whole(job.directory / VERDICT, to_json(verdict))
    point_latest(job.directory)
    (job.directory / OWNER).unlink(missing_ok=True)
    if verdict.as_expected and not keep:
        drop_disks(job.directory)
    return Result(verdict=verdict, job=job, evidence=evidence)


def look_at_files(job: Job) -> None:
    """Add to the evidence of a guest that never got ready what is wrong with its files.

    With files that are not as they were built, its kernel may be good.
    """
    path = job.directory / EVIDENCE
    evidence = read_json(path, Evidence)
    if evidence.trouble or any(boot.ready for boot in evidence.boots):
        return
    wrong = images.damaged(job.files)
    if not wrong:
        return
    message = f"the guest did not get ready, and {wrong[0]}"
    hint = "`hibtest images verify` names all; remove what it names, and build again"
    trouble = Trouble(kind=HostError.__name__, message=message, hint=hint)
    whole(path, to_json(replace(evidence, trouble=trouble)))


def judge_run(directory: Path) -> Judged:
    """Judge a run from what is stored in its directory.

    :raise SpecError: When the directory holds no run.
    """
    run = the_run(directory)
    scenario = read_json(run / SCENARIO, Scenario)
    evidence = read_json(run / EVIDENCE, Evidence)
    return Judged(scenario=scenario, evidence=evidence, verdict=judge(scenario, evidence))
