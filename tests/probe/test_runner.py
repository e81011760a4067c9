"""Running exercises: one that hangs or dies hides neither the others nor its own name."""

import os
import signal
import time

from hibtest.probe.audit.exercise import Exercise
from hibtest.probe.audit.runner import run
from hibtest.probe.base import Failed, Lacking


def works() -> str:
    return "worked"


def fails() -> str:
    raise Failed("it did not work")


def lacks() -> str:
    raise Lacking("there is none")


def refused() -> str:
    raise OSError(16, "Device or resource busy")


def hangs() -> str:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pause()
    return "came back"


def dies() -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    time.monotonic()
    return "lived on"


def reports(*exercises: Exercise) -> dict[str, tuple[bool | None, str]]:
    lines = list(run(exercises))
    names = [line["name"] for line in lines if "name" in line]
    assert [line["begin"] for line in lines if "begin" in line] == names
    return {line["name"]: (line["ok"], line["detail"]) for line in lines if "name" in line}


def test_outcomes_are_told_apart() -> None:
    found = reports(
        Exercise("good", "", works),
        Exercise("bad", "", fails),
        Exercise("none", "", lacks),
        Exercise("busy", "", refused),
    )
    assert found["good"] == (True, "worked")
    assert found["bad"] == (False, "it did not work")
    assert found["none"] == (None, "there is none")
    assert found["busy"] == (False, "EBUSY: Device or resource busy")


def test_the_others_run_when_one_hangs() -> None:
    found = reports(
        Exercise("first", "", works),
        Exercise("stuck", "", hangs, limit=0.2),
        Exercise("last", "", works),
    )
    assert found["stuck"] == (False, "did not end within 0.2 s")
    assert found["first"] == found["last"] == (True, "worked")


def test_the_others_run_when_one_dies() -> None:
    found = reports(Exercise("dead", "", dies), Exercise("last", "", works))
    assert found["dead"][0] is False
    assert "wait status 0x9" in found["dead"][1]
    assert found["last"] == (True, "worked")
