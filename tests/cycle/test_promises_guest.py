"""Kernels that break a promise, in real guests: the scenarios that ask for it tell."""

from dataclasses import replace
from pathlib import Path

import pytest

from hibtest import images
from hibtest.bench.prepare import bench
from hibtest.scenarios.test_promises import SCENARIOS
from hibtest.spec import Do, Outcome, Scenario
from tests.cycle import planted
from tests.cycle.counted import run_counted

pytestmark = [pytest.mark.guest, pytest.mark.wide]


def _asked(name: str) -> Scenario:
    (scenario,) = [one for one in SCENARIOS if one.name == name]
    images.build([scenario.guest.kernel])
    return scenario


def test_a_kernel_that_does_not_sync_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = _asked("promise-trixie-sync")
    planted.without(monkeypatch, "ksys_sync")
    _, verdict = run_counted(bench(tmp_path, "auto"), scenario)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "step-failed"), str(verdict)


def test_a_kernel_that_ignores_image_size_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = _asked("promise-trixie-image-size")
    small = Do(command="echo 188743680 >/sys/power/image_size")
    roomy = replace(
        scenario,
        guest=replace(scenario.guest, memory_mib=1024),
        before=(*scenario.before, small),
    )
    planted.ignoring(monkeypatch, "image_size", "hibernate_preallocate_memory")
    _, verdict = run_counted(bench(tmp_path, "auto"), roomy)
    assert (verdict.outcome, verdict.cause) == (Outcome.CORRUPT, "image-size"), str(verdict)
