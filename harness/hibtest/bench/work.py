"""The process that works on a run: how it is started, and what is noted of its end."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hibtest.errors import ExitStatus, HibtestError
from hibtest.evidence import Evidence, Trouble, read_json, to_json
from hibtest.files import as_host_error, whole
from hibtest.job import EVIDENCE, Job
from hibtest.spec import Scenario
from hibtest.verdict import Verdict, unjudged


@contextmanager
def started(directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start a worker on the job of a run's directory; its events come as lines from its stdout.

    It has ended when the context is left: whoever wants that soon terminates it.
    """
    # setpriv: the worker, and so its machine, ends also when we are killed with SIGKILL
    argv = ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-m", "hibtest.cli.worker"]
    with (
        (directory / "worker.stderr").open("wb") as stderr,
        subprocess.Popen(
            [*argv, os.fspath(directory)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        ) as worker,
    ):
        yield worker


def unjudged_run(scenario: Scenario, job: Job | None, error: Exception) -> Verdict:
    """Return the verdict of a run that broke down beside its worker, by what broke it."""
    kind, where = type(error).__name__, f" in {job.directory}" if job else ""
    if isinstance(error, OSError):
        error = as_host_error(error)
    if isinstance(error, HibtestError):
        return unjudged(scenario, error.kind, error.message, hint=error.hint or "")
    return unjudged(scenario, kind, f"the run{where} could not be judged: {error}")


def note_end(job: Job, status: int) -> None:
    """Note a worker that broke down, or was interrupted, as trouble of the run."""
    if status == 0:
        return
    path = job.directory / EVIDENCE
    try:
        evidence = read_json(path, Evidence)
    except HibtestError:
        evidence = Evidence(scenario=job.scenario.name, host=job.host, kernel=job.kernel)
    if status == ExitStatus.INTERRUPTED:
        trouble = Trouble(
            kind="Interrupted", message="the run was interrupted (Ctrl-C, or a signal)"
        )
    else:
        message = f"the worker of {job.directory} ended with status {status}"
        trouble = Trouble(kind="WorkerDied", message=message, hint="see worker.stderr there")
    whole(path, to_json(replace(evidence, trouble=evidence.trouble or trouble)))
