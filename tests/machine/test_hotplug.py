"""When a guest has followed a change of its vCPUs: what its _OST says, as real guests said it."""

from typing import Any

import pytest

from hibtest.machine.hotplug import Change

PLUGGED = {"device": "vcpu1", "source": 1, "status": 0, "slot": "1", "slot-type": "CPU"}
UNDER_WAY = {"source": 3, "status": 132, "slot": "1", "slot-type": "CPU"}
GONE = {"source": 3, "status": 0, "slot": "1", "slot-type": "CPU"}
COMES, GOES = Change(number=1, source=1), Change(number=1, source=3)


@pytest.mark.parametrize(
    ("change", "info", "followed"),
    [
        (COMES, PLUGGED, True),
        (COMES, {**PLUGGED, "status": 1}, False),
        (COMES, {**PLUGGED, "slot": "2"}, False),
        (COMES, GONE, False),
        (GOES, GONE, True),
        (GOES, UNDER_WAY, False),
        (GOES, PLUGGED, False),
        (GOES, {}, False),
    ],
)
def test_a_guest_has_followed_when_it_says_so(
    change: Change, info: dict[str, Any], *, followed: bool
) -> None:
    assert change.followed({"info": info}) is followed


def test_what_is_no_such_event_is_none() -> None:
    assert not COMES.followed({})


def test_a_refusal_is_told_by_its_status() -> None:
    assert GOES.refused({"info": {**GONE, "status": 0x81}}) == 0  # under way
    assert GOES.refused({"info": GONE}) == 0
    assert GOES.refused({"info": {**GONE, "status": 3}}) == 3
    assert GOES.refused({"info": {**GONE, "status": 3, "slot": "2"}}) == 0
