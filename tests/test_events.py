"""Events as lines of JSON, both ways."""

import pytest

from hibtest.events import (
    BootStarted,
    ConsoleLine,
    Event,
    Note,
    StageEnded,
    StageStarted,
    fan_out,
    from_line,
    to_line,
)
from hibtest.spec import Role, Stage

EVENTS: tuple[Event, ...] = (
    BootStarted(t=0.1, boot=0, role=Role.SAVE),
    StageStarted(t=0.1, boot=0, stage=Stage.BOOT, limit=90.0),
    ConsoleLine(t=0.2, boot=0, text="[    0.0] Linux \\x1b[1m"),
    StageEnded(t=5.0, boot=0, stage=Stage.BOOT, seconds=4.9),
    Note(t=5.0, text="a note"),
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_a_line_brings_back_the_same_event(event: Event) -> None:
    line = to_line(event)
    assert line.count(b"\n") == 1
    assert from_line(line) == event


@pytest.mark.parametrize("line", [b"[]", b'{"event": "Other"}', b"{", b'{"event": "Note"}'])
def test_what_is_no_event_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_line(line)


def test_fan_out_sends_to_all_in_order() -> None:
    seen: list[tuple[str, Event]] = []
    send = fan_out(lambda e: seen.append(("a", e)), lambda e: seen.append(("b", e)))
    send(EVENTS[0])
    assert seen == [("a", EVENTS[0]), ("b", EVENTS[0])]
