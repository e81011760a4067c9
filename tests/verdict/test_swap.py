"""Verdicts on what becomes of the swap, whose first page a hibernation borrows."""

from dataclasses import replace

import pytest

from hibtest.evidence import Boot, Mark, Strike, SwapHeader
from hibtest.spec import AtRest, Do, Fault, Flip, Outcome, Role, Stage
from hibtest.verdict import judge
from tests.verdict.test_judge import ARMED, COLD, CUT, GOOD, RESUME, SAVE, SCENARIO, USED

BEFORE = replace(USED, image=0, flags=0, flag_names=(), crc32=0, orig_sig="", rest="aa")
WAITS, BACK = replace(ARMED, rest="aa"), replace(USED, rest="aa")
SAVED = replace(SAVE, header=WAITS, header_before=BEFORE)
RESUMED, AFRESH = replace(RESUME, header=BACK), replace(COLD, header=BACK)
SILENT = Mark(name="swapon-failed", t=1.0, line="hibtest: swapon /dev/vdb failed")


def _judged(*boots: Boot) -> tuple[Outcome, str, str]:
    verdict = judge(SCENARIO, replace(GOOD, boots=boots))
    return verdict.outcome, verdict.cause, verdict.reason


def test_a_swap_that_is_given_back_is_in_order() -> None:
    assert _judged(SAVED, RESUMED, AFRESH)[:2] == (Outcome.RESUMED, "")


@pytest.mark.parametrize(
    ("saved", "back", "said"),
    [
        pytest.param(
            WAITS,
            replace(BACK, sig="SWAPSPACE1"),
            "resume boot: the swap's signature is 'SWAPSPACE1', was 'SWAPSPACE2' before",
            id="another signature",
        ),
        pytest.param(
            WAITS, replace(BACK, rest="bb"), "resume boot: the swap's first page is not", id="page"
        ),
        pytest.param(WAITS, None, "resume boot: the swap's first page cannot be read", id="gone"),
        pytest.param(
            replace(WAITS, orig_sig="SWAP-SPACE"),
            BACK,
            "save boot: the swap's signature in orig_sig is 'SWAP-SPACE', was 'SWAPSPACE2'",
            id="what is to be restored",
        ),
        pytest.param(
            replace(WAITS, rest="bb"), BACK, "save boot: the swap's first page is not", id="save"
        ),
    ],
)
def test_a_first_page_that_is_another_is_damage(
    saved: SwapHeader, back: SwapHeader | None, said: str
) -> None:
    boots = (replace(SAVED, header=saved), replace(RESUMED, header=back), AFRESH)
    outcome, cause, reason = _judged(*boots)
    assert (outcome, cause) == (Outcome.CORRUPT, "swap-header")
    assert said in reason


@pytest.mark.parametrize("name", ["swapon-failed", "no-swap-signature"])
def test_a_swap_that_cannot_be_switched_on_again_is_damage(name: str) -> None:
    cold = replace(AFRESH, marks=(replace(SILENT, name=name),))
    outcome, cause, reason = _judged(SAVED, RESUMED, cold)
    assert (outcome, cause) == (Outcome.CORRUPT, "swap-header")
    assert reason == f"cold boot: the swap cannot be switched on: {SILENT.line}"


def test_a_swap_on_which_an_image_waits_cannot_be_switched_on() -> None:
    afresh = replace(RESUME, resumed=False, ready=True, marks=(SILENT,), header=WAITS)
    assert _judged(SAVED, afresh)[0] is Outcome.COLD_BOOT


def test_of_a_guest_that_started_afresh_a_damaged_swap_is_told() -> None:
    afresh = replace(RESUME, resumed=False, ready=True, header=replace(BACK, sig="SWAP"))
    assert _judged(SAVED, afresh)[:2] == (Outcome.CORRUPT, "swap-header")


def test_what_a_boot_in_between_makes_of_it_is_its_own() -> None:
    rescue = Boot(role=Role.RESCUE, directory="rescue", ready=True, exit=CUT, header=BEFORE)
    other = replace(BACK, rest="bb")
    boots = (SAVED, rescue, replace(RESUMED, header=other), replace(AFRESH, header=other))
    verdict = judge(replace(SCENARIO, between=(Do(command="mkswap"),)), replace(GOOD, boots=boots))
    assert verdict.outcome is Outcome.RESUMED, str(verdict)


def test_a_bit_that_was_flipped_there_is_not_the_kernels() -> None:
    flipped = Fault(when=AtRest(), what=Flip(serial="swap", byte=7))
    struck = (Strike(fault=flipped, t=1.0, stage=Stage.POWER_OFF),)
    saved = replace(SAVED, header=replace(WAITS, rest="bb"), struck=struck)
    assert _judged(saved, RESUMED, AFRESH)[0] is Outcome.RESUMED


def test_an_image_of_somebody_else_that_lay_there_is_not_given_back() -> None:
    saved = replace(SAVED, header_before=replace(WAITS, rest="cc"))
    assert _judged(saved, RESUMED, AFRESH)[0] is Outcome.RESUMED


def test_who_else_wrote_to_a_swap_may_keep_it_from_being_switched_on() -> None:
    afresh = replace(RESUME, resumed=False, ready=True, marks=(SILENT,))
    flipped = Fault(when=AtRest(), what=Flip(serial="swap", byte=4086))
    struck = (Strike(fault=flipped, t=1.0, stage=Stage.POWER_OFF),)
    saved = replace(SAVE, struck=struck, header=replace(ARMED, sig="R1SUSPEND", armed=False))
    assert _judged(saved, afresh)[:2] == (Outcome.COLD_BOOT, "not-armed")
    rescue = Boot(role=Role.RESCUE, directory="rescue", ready=True, exit=CUT, header=USED)
    assert _judged(SAVE, rescue, afresh)[:2] == (Outcome.COLD_BOOT, "not-armed")
