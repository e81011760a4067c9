"""Which runs count: all but those that QEMU died of, and emulated guests that never began."""

from dataclasses import replace
from typing import Any

import pytest

from hibtest.evidence import Attempt, Boot, Evidence, Exit, Hang, Host, Mark, Try
from hibtest.retry import TRIES, counts
from hibtest.spec import OWN_KERNEL, GuestSpec, Outcome, Role, Scenario, Stage
from hibtest.verdict import judge

SCENARIO = Scenario(name="one", guest=GuestSpec(kernel="trixie"), lives=1)
TCG, KVM = Host(qemu="10.0", accel="tcg"), Host(qemu="10.0", accel="kvm")
HANG = Hang(stage=Stage.BOOT, what="a guest that is ready", limit=90.0, lines=())
STUCK = Boot(role=Role.SAVE, directory="save", hang=HANG, exit=Exit(returncode=None))
PANIC = replace(STUCK, hang=None, panic="Kernel panic - not syncing: x")
GOOD = Boot(
    role=Role.SAVE, directory="save", ready=True, attempt=Attempt(mode="platform"),
    exit=Exit(returncode=0),
)  # fmt: skip
DIED = replace(GOOD, exit=Exit(returncode=-6, stderr="Assertion"))
RESUME, COLD = replace(STUCK, role=Role.RESUME), replace(PANIC, role=Role.COLD)
OLD = Try(directory="runs/one/1", outcome=Outcome.HUNG, cause="BOOT", reason="x")


def _discarded(*boots: Boot, kernel: str = "trixie", **more: Any) -> Try | None:
    scenario = replace(SCENARIO, guest=GuestSpec(kernel=kernel))
    evidence = replace(Evidence(scenario="one", host=TCG, boots=boots), **more)
    verdict = judge(scenario, evidence)
    one = Try(
        directory="runs/one/7",
        outcome=verdict.outcome,
        cause=verdict.cause,
        reason=verdict.reason,
    )
    return None if counts(scenario, evidence, one) else one


@pytest.mark.parametrize(
    "boots", [(STUCK,), (PANIC,), (DIED,), (GOOD, replace(RESUME, hang=None, exit=DIED.exit))]
)
def test_what_says_nothing_does_not_count(boots: tuple[Boot, ...]) -> None:
    assert _discarded(*boots)


@pytest.mark.parametrize(
    ("boots", "more"),
    [
        pytest.param((GOOD, RESUME), {}, id="a resume boot that hangs in BOOT"),
        pytest.param((GOOD, COLD), {}, id="a cold boot that panics"),
        pytest.param((STUCK,), {"host": KVM}, id="under KVM"),
        pytest.param((PANIC,), {"kernel": OWN_KERNEL}, id="a kernel of one's own"),
        pytest.param((STUCK,), {"host": None}, id="on a host that nobody knows"),
        pytest.param((replace(PANIC, attempt=GOOD.attempt),), {}, id="after the order"),
        pytest.param(
            (replace(STUCK, marks=(Mark(name="entry", t=1.0, line="hibernation entry"),)),),
            {},
            id="after the kernel began",
        ),
        pytest.param((STUCK,), {"tries": (OLD,) * (TRIES - 1)}, id="the last try"),
        pytest.param((DIED,), {"tries": (OLD,) * (TRIES - 1)}, id="QEMU, in the last try"),
    ],
)
def test_all_others_count(boots: tuple[Boot, ...], more: dict[str, Any]) -> None:
    assert _discarded(*boots, **more) is None


def test_a_kernel_of_ones_own_does_not_answer_for_qemu() -> None:
    assert _discarded(DIED, kernel=OWN_KERNEL)


def test_the_verdict_tells_of_those_before() -> None:
    verdict = judge(SCENARIO, Evidence(scenario="one", host=TCG, boots=(STUCK,), tries=(OLD,)))
    assert verdict.tries == (OLD,)
