"""What the userspace agent did, and what it left on its target."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentImage:
    """What a target of the agent holds, read with the machine off.

    :ivar state: ``none``, ``committed`` (the next boot would resume), ``used`` or ``refused``.
    :ivar facts: What its commit record says.
    """

    state: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def armed(self) -> bool:
        """Whether the next boot would resume."""
        return self.state == "committed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStep:
    """A step of the agent, as it told of it.

    :ivar seconds: How long it took; ``None`` when it did not end.
    :ivar facts: What it says of itself.
    """

    name: str
    t: float
    seconds: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)
