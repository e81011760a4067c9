"""What the logs of real guests tell, and what is left of it when they are cut or garbled."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hibtest import story
from hibtest.spec import Stage
from tests.story.transcripts import KERNELS, NAMES, lines_of, text_of, told

# Two stages that no line begins: hibtest does, when it plants and when it looks.
_UNTOLD = {Stage.PREPARE, Stage.WITNESS}

_names = st.sampled_from(NAMES)
# Without the lines that say so, nothing tells an image that was not loaded from one that was.
_whole = st.sampled_from([name for name in NAMES if "load-failed" not in told(name)["marks"]])


@pytest.mark.parametrize("name", NAMES)
def test_a_real_log_has_these_marks_in_this_order(name: str) -> None:
    assert [mark.name for mark in story.read(lines_of(name)).marks] == told(name)["marks"]


@pytest.mark.parametrize("name", NAMES)
def test_a_real_log_goes_through_these_stages(name: str) -> None:
    assert list(story.read(lines_of(name)).stages) == told(name)["stages"]


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_stage_is_in_a_log_of_each_kernel(kernel: str) -> None:
    silent = {Stage.SNAPSHOT} if kernel == "backports" else set()  # with pm_debug_messages alone
    names = [name for name in NAMES if name.startswith(f"{kernel}-")]
    found = {stage for name in names for stage in told(name)["stages"]}
    assert found == set(Stage) - _UNTOLD - silent


@settings(deadline=None)
@given(name=_names, data=st.data())
def test_a_log_that_is_cut_tells_the_beginning_of_its_story(name: str, data: st.DataObject) -> None:
    log = text_of(name).encode()
    cut = log[: data.draw(st.integers(0, len(log)))].decode(errors="replace")
    stages = story.read(cut.splitlines()).stages
    assert list(stages) == told(name)["stages"][: len(stages)]


@settings(deadline=None)
@given(name=_names, data=st.data())
def test_garbage_between_its_lines_does_not_change_it(name: str, data: st.DataObject) -> None:
    lines = lines_of(name)
    places = data.draw(st.lists(st.integers(0, len(lines)), max_size=20))
    for place in sorted(places, reverse=True):
        lines[place:place] = data.draw(st.binary(max_size=60)).decode(errors="replace").splitlines()
    assert list(story.read(lines).stages) == told(name)["stages"]


@settings(deadline=None)
@given(name=_whole, data=st.data())
def test_lines_that_are_broken_lead_to_no_stage_that_the_log_does_not_come_to(
    name: str, data: st.DataObject
) -> None:
    log = text_of(name).encode()
    places = data.draw(st.lists(st.integers(0, len(log)), max_size=20))
    for place in sorted(places, reverse=True):
        log = log[:place] + data.draw(st.binary(max_size=60)) + log[place:]
    stages = story.read(log.decode(errors="replace").splitlines()).stages
    assert set(stages) <= set(told(name)["stages"])


@settings(deadline=None)
@given(name=_whole, data=st.data())
def test_nor_do_lines_that_are_lost(name: str, data: st.DataObject) -> None:
    lines = lines_of(name)
    lost = data.draw(st.sets(st.integers(0, len(lines) - 1)))
    stages = story.read(line for n, line in enumerate(lines) if n not in lost).stages
    assert set(stages) <= set(told(name)["stages"])


def test_a_hibernation_begins_wherever_the_one_before_it_ended() -> None:
    stages = story.read([*lines_of("trixie-no-swap"), *lines_of("trixie-no-swap")]).stages
    once = tuple(told("trixie-no-swap")["stages"])
    assert stages == (*once, *once[1:])


def test_whoever_follows_a_guest_may_begin_a_stage_that_no_line_tells_of() -> None:
    teller = story.Teller()
    teller.enter(Stage.STOP)
    mark = teller.hear("[    9.1] PM: hibernation: Preallocating image memory")
    assert mark is not None
    assert mark.stage is teller.stage is Stage.PREALLOCATE
