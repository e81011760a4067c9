"""The ways to protect the filesystems after the snapshot. One more is one more line here.

They are for what the image cannot know of: whatever is written to a filesystem after the
kernel's snapshot is not in the image, and the resumed kernel would find a filesystem that is not
as it left it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hibtest.agent.errors import AgentError
from hibtest.agent.guardian.journal import Notes
from hibtest.agent.protect import dmsnapshot, fsfreeze
from hibtest.agent.protect.base import Protection, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PROTECTIONS", "UNDO", "Protection", "Settings", "prepare"]


class Unprotected:
    """No protection: the agent must write to none of the filesystems itself."""

    def apply(self, _journal: Notes) -> dict[str, Any]:
        """Do nothing."""
        return {}

    def release(self) -> dict[str, Any]:
        """Do nothing."""
        return {}

    def close(self) -> None:
        """Do nothing."""


PROTECTIONS: dict[str, Callable[[Settings], Protection]] = {
    "none": lambda _settings: Unprotected(),
    "fsfreeze": fsfreeze.prepare,
    "dm-snapshot": dmsnapshot.prepare,
}
# How the entries that these write into the journal are undone.
UNDO: dict[str, Callable[[dict[str, Any]], None]] = {
    fsfreeze.KIND: fsfreeze.undo,
    dmsnapshot.KIND: dmsnapshot.undo,
}


def prepare(how: str, settings: Settings) -> Protection:
    """Return a protection, with all open that it needs. Nothing is changed yet.

    :raise AgentError: When there is no such protection, or it cannot work on this machine.
    """
    make = PROTECTIONS.get(how)
    if make is None:
        raise AgentError(f"no protection is called {how!r}", f"one of {', '.join(PROTECTIONS)}")
    return make(settings)
