"""The process that runs one job: its events, its evidence, its exit status."""

import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hibtest.cli import worker
from hibtest.errors import ExitStatus, HostError
from hibtest.events import BootStarted, ConsoleLine, from_line
from hibtest.evidence import Evidence, read_json, to_json
from hibtest.job import Job
from hibtest.spec import Outcome, Role
from hibtest.verdict import judge
from tests.cycle.jobs import job_in
from tests.cycle.pretend import Play
from tests.cycle.scenes import resumes, saves, starts


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A job that the worker is started for."""
    job = job_in(tmp_path)
    (job.directory / "job.json").write_bytes(to_json(job))
    monkeypatch.setattr(sys, "argv", ["worker", str(job.directory)])
    return job


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def test_a_run_tells_its_events_and_leaves_its_evidence(
    job: Job, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    Play((saves(), resumes(), starts())).instead(monkeypatch)
    assert worker.main() == ExitStatus.EXPECTED
    told = capsysbinary.readouterr().out.splitlines(keepends=True)
    assert told == (job.directory / "events.jsonl").read_bytes().splitlines(keepends=True)
    events = [from_line(line) for line in told]
    begun = [one.role for one in events if isinstance(one, BootStarted)]
    assert begun == [Role.SAVE, Role.RESUME, Role.COLD]
    assert any(isinstance(one, ConsoleLine) and "PM: S|" in one.text for one in events)
    evidence = read_json(job.directory / "evidence.json", Evidence)
    assert judge(job.scenario, evidence).outcome is Outcome.RESUMED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_once(
    job: Job, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_job: Job, _sink: object, _settled: object) -> None:
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)  # must not cut the clean-up short
            (job.directory / "tidied").touch()

    monkeypatch.setattr(worker, "run", run)
    assert worker.main() == ExitStatus.INTERRUPTED
    assert (job.directory / "tidied").exists()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (HostError("no room", hint="free some"), "HostError: no room (free some)\n"),
        (OSError(5, "Input/output error"), "OSError: [Errno 5] Input/output error\n"),
        (BrokenPipeError(), ""),
    ],
)
def test_what_breaks_a_run_is_one_line(
    job: Job,
    error: Exception,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(_job: Job, _sink: object, _settled: object) -> None:
        raise error

    monkeypatch.setattr(worker, "run", run)
    assert worker.main() == ExitStatus.UNAVAILABLE
    assert capsys.readouterr().err == said


def test_a_job_that_cannot_be_read_is_said(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    (job.directory / "job.json").write_bytes(to_json(replace(job, proof=True))[:-9])
    assert worker.main() == ExitStatus.UNAVAILABLE
    assert capsys.readouterr().err.startswith("SpecError: ")
