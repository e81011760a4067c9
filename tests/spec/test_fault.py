"""Faults: which can strike when, in which boot, and what that does to the course."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from hibtest.errors import SpecError
from hibtest.spec import (
    Always,
    AtMark,
    AtPercent,
    AtRest,
    AtStage,
    AtWrite,
    CutPower,
    Do,
    Expected,
    FailIo,
    Fault,
    Flip,
    FlipData,
    GuestSpec,
    HangUp,
    Outcome,
    Scenario,
    Stage,
)
from hibtest.spec.course import course, expected_course
from hibtest.spec.fault import What, When
from hibtest.spec.step import Task

ONE = Scenario(name="one", guest=GuestSpec(kernel="trixie"))
FAIL = FailIo(serial="image", at_mib=20)
FLIP = Flip(serial="swap", byte=4086, bit=1)
STAGE = AtStage(stage=Stage.WRITE)


def cut(when: When) -> Scenario:
    return replace(ONE, faults=(Fault(when=when, what=CutPower()),))


@pytest.mark.parametrize(
    ("when", "what", "words"),
    [
        (STAGE, CutPower(), "cut the power at WRITE of the save boot"),
        (AtPercent(percent=40), CutPower(), "cut the power at 40 % of WRITE in the save boot"),
        (
            AtPercent(percent=100, stage=Stage.LOAD),
            CutPower(),
            "cut the power at 100 % of LOAD in the resume boot",
        ),
        (AtMark(name="armed"), CutPower(), "cut the power at the mark armed of the save boot"),
        (
            AtWrite(serial="swap"),
            CutPower(),
            "cut the power before the save boot writes byte 0 of swap",
        ),
        (
            AtWrite(serial="swap", byte=7, done=True, boot="resume-2"),
            CutPower(),
            "cut the power after the resume-2 boot writes byte 7 of swap",
        ),
        (
            AtStage(stage=Stage.THAW),
            HangUp(),
            "have the image server hang up at THAW of the resume boot",
        ),
        (Always(), FAIL, "fail writes to MiB 20 of image in every boot"),
        (AtRest(), FlipData(), "flip a bit of a page in the image on swap after the save boot"),
        (AtRest(boot="rescue"), FLIP, "flip bit 1 of byte 4086 of swap after the rescue boot"),
    ],
)
def test_a_fault_is_told_in_words(when: When, what: What, words: str) -> None:
    assert Fault(when=when, what=what).words == words


@pytest.mark.parametrize(
    ("when", "what"),
    [
        (Always(), CutPower()),
        (AtRest(), CutPower()),
        (Always(), HangUp()),
        (AtWrite(serial="image"), HangUp()),
        (STAGE, FAIL),
        (STAGE, FLIP),
        (Always(), FLIP),
        (STAGE, FlipData()),
        (AtRest(), FAIL),
    ],
)
def test_what_cannot_strike_then_is_refused(when: When, what: What) -> None:
    with pytest.raises(
        SpecError, match=rf"{type(what).__name__} cannot strike {type(when).__name__}"
    ):
        Fault(when=when, what=what)


@pytest.mark.parametrize("percent", [0, 101, -10])
def test_percents_are_from_1_to_100(percent: int) -> None:
    with pytest.raises(SpecError, match=f"{percent} % of an image never come"):
        AtPercent(percent=percent)


def test_no_other_stage_has_percents() -> None:
    with pytest.raises(SpecError, match="FREEZE has no percents"):
        AtPercent(percent=10, stage=Stage.FREEZE)


@pytest.mark.parametrize("bit", [8, -1])
def test_a_bit_that_is_none_is_refused(bit: int) -> None:
    with pytest.raises(SpecError, match="is no bit"):
        Flip(serial="swap", byte=0, bit=bit)


@pytest.mark.parametrize(
    "make",
    [
        lambda: AtWrite(serial="swap", byte=-1),
        lambda: FailIo(serial="swap", at_mib=-1),
        lambda: Flip(serial="swap", byte=-1),
    ],
)
def test_a_place_that_no_disk_has_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(SpecError, match="no disk has a place -1"):
        make()


def test_a_moment_of_a_resume_is_in_the_resume_boot() -> None:
    moments = [AtStage(stage=stage) for stage in Stage]
    assert {one.stage for one in moments if one.where == "resume"} == {
        Stage.LOAD,
        Stage.RESTORE,
        Stage.THAW,
        Stage.WITNESS,
    }


def test_one_fault_strikes_once() -> None:
    twice = Fault(when=STAGE, what=CutPower())
    with pytest.raises(SpecError, match="the same fault is there twice"):
        replace(ONE, faults=(twice, twice))


def test_a_save_that_is_cut_short_is_followed_by_the_resume_boot() -> None:
    boots = course(cut(STAGE))
    assert [(plan.name, plan.cut) for plan in boots] == [
        ("save", True),
        ("resume", False),
        ("cold", False),
    ]


def test_a_resume_that_is_cut_short_is_tried_again() -> None:
    boots = course(cut(AtStage(stage=Stage.LOAD)))
    assert [(plan.name, plan.cut) for plan in boots] == [
        ("save", False),
        ("resume", True),
        ("resume-again", False),
        ("cold", False),
    ]
    assert boots[1].steps == boots[2].steps


def test_an_expected_cold_boot_is_the_first_that_is_not_cut_short() -> None:
    cold = Expected(outcome=Outcome.COLD_BOOT)
    boots = expected_course(replace(cut(AtStage(stage=Stage.LOAD)), expected=cold))
    assert [plan.name for plan in boots] == ["save", "resume", "resume-again"]
    assert boots[2].steps == (Task.IDENTIFY, Task.CUT_POWER)


def test_faults_of_every_boot_are_in_each_and_others_in_theirs() -> None:
    always, rest = Fault(when=Always(), what=FAIL), Fault(when=AtRest(boot="rescue"), what=FLIP)
    scenario = replace(ONE, between=(Do(command="true"),), faults=(always, rest))
    faults = {plan.name: plan.faults for plan in course(scenario)}
    assert faults == {
        "save": (always,),
        "rescue": (always, rest),
        "resume": (always,),
        "cold": (always,),
    }


def test_a_boot_that_there_is_none_of_is_refused() -> None:
    with pytest.raises(
        SpecError, match="no boot to cut the power at WRITE of the rescue boot"
    ) as told:
        course(cut(AtStage(stage=Stage.WRITE, boot="rescue")))
    assert told.value.hint == "there are save, resume, cold"


@pytest.mark.parametrize("boot", ["cold", "resume-again"])
def test_the_power_of_a_boot_with_none_after_it_is_not_cut(boot: str) -> None:
    last = Fault(when=AtStage(stage=Stage.BOOT, boot=boot), what=CutPower())
    one = cut(AtStage(stage=Stage.LOAD))
    with pytest.raises(SpecError, match=f"no boot is made again after the {boot} boot"):
        course(replace(one, faults=(*one.faults, last)))


@pytest.mark.parametrize("stage", [Stage.BOOT, Stage.PREPARE])
def test_a_hibernation_that_has_not_begun_is_not_cut_short(stage: Stage) -> None:
    with pytest.raises(SpecError, match="no hibernation has begun at cut the power at"):
        course(cut(AtStage(stage=stage)))


def test_the_power_is_cut_once_in_a_boot() -> None:
    faults = tuple(Fault(when=AtPercent(percent=n), what=CutPower()) for n in (40, 60))
    with pytest.raises(SpecError, match="the power of the save boot is cut twice"):
        course(replace(ONE, faults=faults))


def test_a_boot_that_is_made_again_has_the_faults_of_its_name() -> None:
    flip = Fault(when=AtRest(boot="resume-again"), what=FLIP)
    one = replace(cut(AtStage(stage=Stage.LOAD)), lives=2)
    boots = course(replace(one, faults=(*one.faults, flip)))
    assert [plan.faults for plan in boots if plan.name == "resume-again"] == [(flip,)]
    never = Fault(when=AtRest(boot="resume"), what=FLIP)
    with pytest.raises(SpecError, match="the resume boot does not power itself off"):
        course(replace(one, faults=(*one.faults, never)))


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        (Fault(when=AtStage(stage=Stage.LOAD, boot="resume-2"), what=CutPower()),
         ["save", "resume", "resume-2", "resume-2-again"]),
        (Fault(when=AtRest(boot="resume"), what=FLIP), ["save", "resume", "resume-2"]),
        (Fault(when=AtStage(stage=Stage.LOAD), what=HangUp()), ["save", "resume"]),
        (Fault(when=Always(), what=FAIL), ["save", "resume"]),
    ],
)  # fmt: skip
def test_a_plan_goes_as_far_as_its_faults(fault: Fault, names: list[str]) -> None:
    expected = Expected(outcome=Outcome.COLD_BOOT)
    boots = expected_course(replace(ONE, lives=2, faults=(fault,), expected=expected))
    assert [plan.name for plan in boots] == names


@pytest.mark.parametrize("boot", ["resume", "cold"])
def test_a_disk_is_at_rest_after_a_boot_that_powers_itself_off(boot: str) -> None:
    rest = Fault(when=AtRest(boot=boot), what=FLIP)
    with pytest.raises(SpecError, match=f"the {boot} boot does not power itself off"):
        course(replace(ONE, faults=(rest,)))
    if boot == "resume":
        assert rest in course(replace(ONE, faults=(rest,), lives=2))[1].faults
