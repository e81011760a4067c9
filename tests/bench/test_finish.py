"""What a finished run is judged by."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hibtest import images
from hibtest.bench.finish import finish
from hibtest.evidence import Boot, Evidence, Exit, GuestKernel, Hang, Host, to_json
from hibtest.job import Job
from hibtest.spec import GuestSpec, Outcome, Role, Scenario, Stage
from hibtest.verdict import Verdict

HANG = Hang(stage=Stage.BOOT, what="a guest that is ready", limit=90.0, lines=())
STUCK = Boot(role=Role.SAVE, directory="save", hang=HANG, exit=Exit(returncode=None))
CHANGED = ("vmlinuz has changed",)


def _finished(boot: Boot, wrong: tuple[str, ...], directory: Path) -> Verdict:
    scenario = Scenario(name="one", guest=GuestSpec(kernel="trixie"))
    files: Any = None
    job = Job(
        scenario=scenario, files=files, qemu="qemu", directory=directory,
        kernel=GuestKernel(name="trixie", release="6.12", sha256=""),
        host=Host(qemu="10.0", accel="tcg"),
    )  # fmt: skip
    (directory / "scenario.json").write_bytes(to_json(scenario))
    evidence = Evidence(scenario="one", boots=(boot,))
    (directory / "evidence.json").write_bytes(to_json(evidence))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "damaged", lambda _files: wrong)
        return finish(job, keep=False).verdict


def test_a_guest_that_never_got_ready_from_damaged_files_proves_nothing(tmp_path: Path) -> None:
    verdict = _finished(STUCK, CHANGED, tmp_path)
    assert (verdict.outcome, verdict.cause) == (Outcome.INVALID, "HostError")
    assert "did not get ready, and vmlinuz has changed" in verdict.reason


def test_from_whole_files_it_is_the_guests(tmp_path: Path) -> None:
    assert _finished(STUCK, (), tmp_path).outcome is Outcome.HUNG


def test_one_that_got_ready_has_shown_that_they_are_whole(tmp_path: Path) -> None:
    assert _finished(replace(STUCK, ready=True), CHANGED, tmp_path).outcome is Outcome.HUNG
