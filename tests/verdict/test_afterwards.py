"""A boot after a hibernation that gets nowhere is the kernel's; before it, it is ours."""

from dataclasses import replace

import pytest

from hibtest.evidence import Boot, Evidence, Exit, Mark
from hibtest.spec import Outcome, Stage
from hibtest.verdict import judge
from tests.verdict.test_judge import ARMED, COLD, HANG, OFF, RESUME, SAVE, SCENARIO

FAILED = Mark(name="guest-failed", t=3.0, line="hibtest: failed: /dev/vda cannot be mounted")


@pytest.mark.parametrize(
    ("boots", "outcome", "cause"),
    [
        pytest.param(
            (replace(SAVE, ready=False, attempt=None, marks=(FAILED,)),),
            Outcome.INVALID,
            "guest-not-ready",
            id="save-boot-without-root",
        ),
        pytest.param(
            (SAVE, replace(RESUME, resumed=False, attempt=None, marks=(FAILED,))),
            Outcome.CORRUPT,
            "start-failed",
            id="resume-boot-without-root",
        ),
        pytest.param(
            (SAVE, replace(RESUME, resumed=False, attempt=None, header=ARMED)),
            Outcome.CORRUPT,
            "start-failed",
            id="resume-boot-that-powers-off",
        ),
        pytest.param(
            (SAVE, RESUME, replace(COLD, ready=False, marks=(FAILED,))),
            Outcome.CORRUPT,
            "start-failed",
            id="cold-boot-without-root",
        ),
        pytest.param(
            (
                SAVE,
                RESUME,
                replace(COLD, ready=False, boot_id="", exit=Exit(returncode=0), qmp=(OFF,)),
            ),
            Outcome.CORRUPT,
            "start-failed",
            id="cold-boot-that-powers-off",
        ),
        pytest.param(
            (SAVE, RESUME, replace(COLD, boot_id="", hang=replace(HANG, stage=Stage.WITNESS))),
            Outcome.HUNG,
            "WITNESS",
            id="cold-boot-that-cannot-be-reached",
        ),
        pytest.param(
            (SAVE, replace(RESUME, marks=(FAILED,)), COLD),
            Outcome.RESUMED,
            "",
            id="somebody-prints-it-later",
        ),
    ],
)
def test_who_is_to_blame(boots: tuple[Boot, ...], outcome: Outcome, cause: str) -> None:
    verdict = judge(SCENARIO, Evidence(scenario="one", boots=boots))
    assert (verdict.outcome, verdict.cause) == (outcome, cause)
