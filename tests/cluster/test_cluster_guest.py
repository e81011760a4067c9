"""Two real guests on two workers of this host."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hibtest.bench.rundir import JOB, VERDICT
from hibtest.cycle.storage.left import disks_in
from hibtest.errors import ExitStatus
from hibtest.evidence import Evidence, read_json
from hibtest.job import EVIDENCE, Job
from hibtest.verdict import Verdict

pytestmark = [pytest.mark.guest, pytest.mark.wide]

CYCLE, REFUSED = "baseline-trixie-platform-2cpu", "refused-trixie-no-swap"
ROOT = Path(__file__).parents[2]


def test_two_scenarios_on_two_workers(tmp_path: Path) -> None:
    words = ("-m", "hibtest", "run", CYCLE, REFUSED, "--lives", "1", "--cluster", "local:2")
    done = subprocess.run(
        [sys.executable, *words, "--runs", os.fspath(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == ExitStatus.EXPECTED, done.stdout + done.stderr
    assert "2 of 2 as expected" in done.stdout
    for name in (CYCLE, REFUSED):
        run = tmp_path / name / "1"
        assert read_json(run / VERDICT, Verdict).as_expected
        assert read_json(run / JOB, Job).directory == run
        assert disks_in(run) == []
    evidence = read_json(tmp_path / CYCLE / "1" / EVIDENCE, Evidence)
    proof = evidence.boots[0].saved
    assert proof
    assert proof.view
    assert proof.view.pages > 0
    assert (tmp_path / CYCLE / "1" / "resume" / "console.log").stat().st_size > 0
