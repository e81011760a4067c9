"""Whether there is an image, and which."""

from __future__ import annotations

from typing import Any

from hibtest.agent.errors import NoImage
from hibtest.agent.image.format import COMMITTED, REFUSED, Record
from hibtest.agent.target import Target, open_source

_STATES = {COMMITTED: "committed", REFUSED: "refused"}


def status(target: Target) -> dict[str, Any]:
    """Return the state of a target: ``none``, ``committed``, ``used`` or ``refused``.

    :raise AgentError: When it cannot be looked at, or holds a record that was altered.
    """
    try:
        source = open_source(target)
    except NoImage as error:
        return {"state": "none", "why": error.message}
    try:
        record = Record.unpack(source.record())
    except NoImage as error:
        return {"state": "none", "why": error.message}
    finally:
        source.close()
    return {"state": _STATES.get(record.state, "used"), **record.facts}
