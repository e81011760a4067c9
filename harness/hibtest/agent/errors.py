"""What the agent tells its user when it cannot go on."""

from __future__ import annotations

import errno
import os


class AgentError(Exception):
    """Something that the agent cannot do.

    :param message: What happened, to which value.
    :param hint: What can be done about it.
    :param number: The errno behind it, 0 when there is none.
    """

    def __init__(self, message: str, hint: str = "", number: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.number = number

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class NoImage(AgentError):
    """There is no image to resume from: nothing is wrong."""


class Unreachable(AgentError):
    """Somebody who does not answer now, and may in a while."""


class BadImage(AgentError):
    """An image that must not be resumed: cut short, altered, or of another kind.

    :ivar at: Where on the device that was found, in bytes, if it was in one place.
    """

    at: int | None = None

    def found_at(self, at: int | None) -> None:
        """Note where it was found, unless that is known better."""
        self.at = at if self.at is None else self.at


def from_os(what: str, error: OSError, hint: str = "") -> AgentError:
    """Return the error that tells of a failed system call."""
    number = error.errno or 0
    name = errno.errorcode.get(number, str(number))
    return AgentError(f"{what}: {name} ({os.strerror(number)})", hint, number)
