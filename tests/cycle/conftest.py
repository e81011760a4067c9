"""Runs through machines that are only pretended."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hibtest.cycle.watch import Watch
from hibtest.events import BootStarted, Event
from hibtest.evidence import Evidence, read_json
from hibtest.job import EVIDENCE, Job
from hibtest.runner import run
from hibtest.spec import Scenario
from hibtest.verdict import judge, settled
from tests.cycle.jobs import job_in
from tests.cycle.pretend import Play, Scene


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return job_in(tmp_path)


@pytest.fixture
def runs(job: Job, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a scenario through scenes; return what was seen, and its verdict."""
    monkeypatch.setattr(Watch.ends, "__defaults__", (0.0,))  # s that a dying machine has

    def through(scenario: Scenario, *scenes: Scene, proof: bool = False) -> Any:
        play = Play(scenes)
        play.instead(monkeypatch)
        events: list[Event] = []
        began = time.monotonic()
        evidence = run(replace(job, scenario=scenario, proof=proof), events.append, settled)
        assert len(play.machines) == len(scenes)
        begun = [one.boot for one in events if isinstance(one, BootStarted)]
        assert begun == list(range(len(scenes)))
        taken = time.monotonic() - began + 0.01  # what is told is rounded
        assert 0 <= evidence.seconds <= taken
        assert all(0 <= one.t <= taken for one in events)
        assert read_json(job.directory / EVIDENCE, Evidence) == evidence
        return evidence, judge(scenario, evidence)

    return through
