"""What a case is expected to answer, and how a difference reads."""

import pytest

from hibtest.probe.snapshotdev.lacks import ASKED, CPU1
from hibtest.probe.snapshotdev.session import check
from hibtest.snapshotdev import Answers, Between, Case, Per, objection
from hibtest.snapshotdev.case import version
from hibtest.snapshotdev.cases import CASES, parts
from hibtest.spec.needs import NEEDS
from tests.byguest import guest_of

CASE = Case(
    name="one",
    source="kernel/power/user.c",
    steps=(("open r", 0), ("FREEZE", Per({"6.1": 0, "6.12": "EBUSY"})), ("read 9", Between(1, 9))),
)


def answers(*found: int | str, release: str = "6.1.192", ended: str = "ok") -> Answers:
    return Answers(release=release, found=found, ended=ended)


def test_a_case_that_went_as_expected() -> None:
    assert objection(CASE, answers(0, 0, 9)) == ""
    assert objection(CASE, answers(0, "EBUSY", 1, release="7.3.4+deb13-cloud-amd64")) == ""


def test_every_wrong_answer_is_told_with_what_was_expected() -> None:
    assert objection(CASE, answers(0, 0, 10, release="6.12.117")).splitlines() == [
        "one on 6.12.117 (kernel/power/user.c):",
        "step 2 of 3, FREEZE: expected EBUSY (6.1: 0, 6.12: EBUSY), found 0",
        "step 3 of 3, read 9: expected 1 to 9, found 10",
    ]


def test_a_case_that_did_not_come_back_names_the_step() -> None:
    lost = Answers(release="6.1.192", found=(0,), ended="hung", console=("the last line",))
    assert objection(CASE, lost).splitlines()[1:] == [
        "step 2 of 3, FREEZE: expected 0 (6.1: 0, 6.12: EBUSY), it did not come back",
        "the end: expected ok, found hung",
        "console: the last line",
    ]


def test_an_end_that_is_expected() -> None:
    dies = Case(name="dies", source="", steps=(("open r", 0), ("die", 0)), ends="SIGKILL")
    assert objection(dies, answers(0, ended="SIGKILL")) == ""
    assert "found ok" in objection(dies, answers(0, 0))


def test_trouble_in_the_kernel_log_counts_unless_it_is_expected() -> None:
    warned = Answers(release="6.1.192", found=(0,), log=("WARNING: f",), splats=("WARNING: f",))
    quiet = Case(name="quiet", source="", steps=(("open r", 0),))
    loud = Case(name="loud", source="", steps=(("open r", 0),), says="WARNING: f")
    assert "the kernel log: WARNING: f" in objection(quiet, warned)
    assert objection(loud, warned) == ""
    assert "it is not there" in objection(loud, answers(0))


def test_a_case_that_does_not_apply_has_not_gone_as_expected() -> None:
    told = Answers(release="6.1.192", inapplicable="CONFIG_X is off")
    assert objection(CASE, told).splitlines()[1:] == ["does not apply: CONFIG_X is off"]


def _needed(case: Case) -> set[str]:
    """Return the options that the words of a case stand for."""
    text = " ".join(step for step, _ in case.steps)
    needed = set(parts.EVERY_CASE)
    if "secret" in text.split():
        needed.add("SECRETMEM")
    if CPU1 in text:
        needed.add("HOTPLUG_CPU")
    if "_" in str(case.says):  # a function, as a warning names it
        needed.update(parts.WARNS)
    return needed


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_names_the_options_that_it_depends_on(case: Case) -> None:
    assert set(case.needs) == _needed(case)
    assert set(case.needs) <= set(ASKED)
    assert {need.options[0] for need in NEEDS} >= set(case.needs)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_case_expects_the_states_that_a_configuration_decides(case: Case) -> None:
    """``freeze``, ``mem`` and ``standby`` are there with CONFIG_SUSPEND alone."""
    assert not any(step == "see /sys/power/state" for step, _ in case.steps)


@pytest.mark.parametrize(
    ("release", "wanted"),
    [("5.10.1", "a"), ("6.1.192", "a"), ("6.8.0-rc1", "a"), ("6.12.1", "b"), ("7.3.4", "c")],
)
def test_a_kernel_answers_like_the_one_before_it(release: str, wanted: str) -> None:
    assert Per({"6.1": "a", "6.12": "b", "7.3": "c"}).on(release) == wanted


def test_versions_are_compared_by_number() -> None:
    assert version("6.12.117+deb13-cloud-amd64") == (6, 12) > version("6.2")


@pytest.mark.parametrize(("found", "good"), [(4096, True), (0, False), (4097, False), ("4", False)])
def test_between(found: int | str, good: bool) -> None:
    assert Between(4096, 8192, 4096).matches(found) is good


def test_a_case_is_written_in_lines_of_steps_with_their_answers() -> None:
    fills = ("fill", Between(1, 9))
    written = parts.case("one", "", "open r;see /x = on off", fills, "change SwapFree=-8; close")
    answers = (("see /x", "on off"), fills, ("change SwapFree", -8))
    assert written.steps == (("open r", 0), *answers, ("close", 0))


@pytest.mark.parametrize(("ends", "spends"), [("ok", False), ("SIGKILL", False), ("panic", True)])
def test_a_case_that_should_end_its_guest_is_the_last_of_it(ends: str, spends: bool) -> None:
    assert parts.case("one", "", "close", ends=ends).spends is spends


def test_the_probe_knows_every_step() -> None:
    for case in CASES:
        check([step for step, _ in case.steps])
    assert len({case.name for case in CASES}) == len(CASES) > 30


def test_a_guest_is_booted_anew_as_seldom_as_can_be() -> None:
    words = [case.append for case in CASES]
    assert words == sorted(words, reverse=True)
    assert [case.spends for case in CASES].index(True) == len(CASES) - 1


def test_tests_that_share_a_guest_are_known_by_their_ids() -> None:
    file = "scenarios/test_snapshot_device.py::test_snapshot_device"
    assert guest_of(f"{file}[on-trixie-swap-full]") == guest_of(f"{file}[on-trixie-swap-killed]")
    assert guest_of(f"{file}[on-trixie-swap-full]") != guest_of(f"{file}[on-backports-swap-full]")
    assert guest_of("tests/test_x.py::test_y[trixie-a]") == "tests/test_x.py::test_y[trixie-a]"
