"""What all ways to protect the filesystems have in common."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from hibtest.agent.guardian.journal import Notes


class Settings(NamedTuple):
    """What a user may choose.

    :ivar scratch: Block device that takes what is written above the snapshots, "" for none; all
        that is on it is lost.
    :ivar chunk: Sectors that are copied there at once: 8, a page, is never read before.
    """

    scratch: str = ""
    chunk: int = 8


class Protection(Protocol):
    """A way to have nothing written to the filesystems between the snapshot and the power-off."""

    def apply(self, journal: Notes) -> dict[str, Any]:
        """Protect the filesystems, with all other processes frozen; return facts to be logged.

        :raise AgentError: When it cannot be done; what was done is in the journal.
        """

    def release(self) -> dict[str, Any]:
        """After the snapshot, in the kernel that saves: let us write to them again if that is safe.

        No call may wait for a journal to be committed then (fsync, sync): the threads that
        commit them are frozen (kthread jbd2, fs/jbd2/journal.c, kjournald2(), 6.1 to 7.3).
        """

    def close(self) -> None:
        """Close what :func:`hibtest.agent.protect.prepare` opened."""
