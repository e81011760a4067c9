"""A scenario with templates and without, in real guests: verdict and proof are the same."""

from dataclasses import replace
from pathlib import Path

import pytest

from hibtest import images
from hibtest.bench.prepare import Bench, bench
from hibtest.evidence import Boot, Evidence
from hibtest.runner import run
from hibtest.spec import GuestSpec, Scenario
from hibtest.verdict import judge

pytestmark = pytest.mark.guest

RESUMED = Scenario(name="resumed", guest=GuestSpec(kernel="trixie", vcpus=2))


def _run(here: Bench, scenario: Scenario, templates: Path | None) -> Evidence:
    job = replace(here.job(scenario), templates=templates)
    evidence = run(job, lambda _: None)
    verdict = judge(scenario, evidence)
    assert verdict.as_expected, str(verdict)
    return evidence


def _kinds(evidence: Evidence) -> list[str]:
    return [boot.template.rpartition("-")[0] for boot in evidence.boots]


def _seen(boot: Boot) -> tuple[object, ...]:
    """Return what must be the same of a boot, wherever it started."""
    marks = {mark.name for mark in boot.marks if not mark.splat} - {"waits", "progress"}
    witnesses = tuple(one.name for one in boot.witnesses)
    audits = tuple((one.name, one.ok) for one in boot.audits)
    return boot.role, boot.ready, boot.resumed, boot.armed, marks, witnesses, audits


def test_verdict_and_proof_are_the_same_from_templates_and_without(tmp_path: Path) -> None:
    images.build(["trixie"])
    here, templates = bench(tmp_path / "runs", "tcg"), tmp_path / "templates"
    cold = _run(here, RESUMED, None)
    first_warm, warm = (_run(here, RESUMED, templates) for _ in range(2))
    assert {boot.template for boot in cold.boots} == {""}
    early = ["template-early"] * 2
    assert _kinds(first_warm) == ["", *early]
    assert _kinds(warm) == ["template-ready", *early]
    for evidence in (first_warm, warm):
        assert [_seen(boot) for boot in evidence.boots] == [_seen(boot) for boot in cold.boots]
        save, resume, last = evidence.boots
        assert save.boot_id == resume.boot_id != last.boot_id
        assert save.saved is not None
        assert resume.restored is not None
        assert (save.saved.lacking, resume.restored.lacking) == ("", "")
        assert resume.restored.image is not None
        assert resume.restored.image.pages > 10_000
        assert resume.restored.image.differ == 0
