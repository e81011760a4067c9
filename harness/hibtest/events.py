"""Progress of a run as typed events, and who listens to them.

Producers call a :class:`Sink` with events; the terminal, the JSONL file and (later) the web
page are sinks. ``t`` is seconds since the run began.
"""

from collections.abc import Callable

import msgspec

from hibtest.spec import Role, Stage


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    t: float


class _OfBoot(_Event, frozen=True, kw_only=True):
    boot: int


class BootStarted(_OfBoot, frozen=True, kw_only=True):
    """A machine was started."""

    role: Role


class StageStarted(_OfBoot, frozen=True, kw_only=True):
    """A stage began; it must end within ``limit`` seconds."""

    stage: Stage
    limit: float


class StageEnded(_OfBoot, frozen=True, kw_only=True):
    """A stage ended after ``seconds``."""

    stage: Stage
    seconds: float


class ConsoleLine(_OfBoot, frozen=True, kw_only=True):
    """The guest printed a line on its serial console."""

    text: str


class Waiting(_Event, frozen=True, kw_only=True):
    """A run waits for something of this host before it begins, such as a CPU; told again."""

    text: str


class Note(_Event, frozen=True, kw_only=True):
    """Something a user would want to know, in one line."""

    text: str


Event = BootStarted | StageStarted | StageEnded | ConsoleLine | Waiting | Note
Sink = Callable[[Event], None]


def fan_out(*sinks: Sink) -> Sink:
    """Return a sink that passes each event on to all of ``sinks``, in order."""

    def send(event: Event) -> None:
        for sink in sinks:
            sink(event)

    return send


def to_line(event: Event) -> bytes:
    """Return an event as one line of JSON: its class's name in ``event``, then its fields."""
    return msgspec.json.encode(event) + b"\n"


def from_line(line: bytes) -> Event:
    """Return the event that a line of JSON holds.

    :raise ValueError: When it holds none.
    """
    event: Event = msgspec.json.decode(line, type=Event)
    return event
