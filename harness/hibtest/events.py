"""Progress of a run as typed events, and who listens to them.

Producers call a :class:`Sink` with events; the terminal, the JSONL file and (later) the web
page are sinks. ``t`` is seconds since the run began.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from hibtest.spec import Role, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class BootStarted:
    """A machine was started."""

    t: float
    boot: int
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStarted:
    """A stage began; it must end within ``limit`` seconds."""

    t: float
    boot: int
    stage: Stage
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEnded:
    """A stage ended after ``seconds``."""

    t: float
    boot: int
    stage: Stage
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleLine:
    """The guest printed a line on its serial console."""

    t: float
    boot: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A run waits for something of this host before it begins, such as a CPU; told again."""

    t: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something a user would want to know, in one line."""

    t: float
    text: str


Event = BootStarted | StageStarted | StageEnded | ConsoleLine | Waiting | Note
Sink = Callable[[Event], None]


def fan_out(*sinks: Sink) -> Sink:
    """Return a sink that passes each event on to all of ``sinks``, in order."""

    def send(event: Event) -> None:
        for sink in sinks:
            sink(event)

    return send


_KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (BootStarted, StageStarted, StageEnded, ConsoleLine, Waiting, Note)
}


def to_line(event: Event) -> bytes:
    """Return an event as one line of JSON: its class's name in ``event``, then its fields."""
    fields = msgspec.to_builtins(event)
    return msgspec.json.encode({"event": type(event).__name__, **fields}) + b"\n"


def from_line(line: bytes) -> Event:
    """Return the event that a line of JSON holds.

    :raise ValueError: When it holds none.
    """
    fields = msgspec.json.decode(line)
    kind = _KINDS.get(fields.pop("event", "")) if isinstance(fields, dict) else None
    if kind is None:
        raise ValueError(f"not an event: {line[:80]!r}")
    event: Event = msgspec.convert(fields, kind)
    return event
