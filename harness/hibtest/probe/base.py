"""The words that witnesses and exercises share."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

# JSON objects; every witness documents its own.
Facts = dict[str, Any]

# Where the probe keeps its sockets and files. A tmpfs in the guest: it lasts as long as the
# life that was planted, and no longer.
RUN = Path(os.environ.get("HIBTEST_PROBE_RUN", "/run/hibtest"))

# Where it keeps files that must be on a disk.
DISK = Path(os.environ.get("HIBTEST_PROBE_DISK", "/var/lib/hibtest"))

# Where the data disk is mounted, in a guest that has one.
DATA = Path(os.environ.get("HIBTEST_PROBE_DATA", "/data"))

# How many times longer than a guest that has its CPUs to itself this one may take for anything.
# The limits of waits are for what never comes; the host knows how slow its guests are.
PATIENCE = float(os.environ.get("HIBTEST_PATIENCE", "1"))


class Lacking(Exception):
    """This kernel or guest has no such thing.

    :param message: Says what is lacking.
    :param option: The option that a kernel has it by, without ``CONFIG_``, where that is known.
    """

    def __init__(self, message: str, option: str = "") -> None:
        super().__init__(message)
        self.option = option


class Failed(Exception):
    """An exercise did not work; the message says what was done and what came of it."""


class ProbeError(Exception):
    """A command of the probe could not be carried out.

    :param kind: A word for programs.
    :param message: A sentence for people.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


# What reading and writing files of the kernel may raise when the kernel says something else
# than expected. Anything beyond that is a mistake in the probe and ends it.
FAULTS = (OSError, ValueError, LookupError)


class Planted(NamedTuple):
    """A witness that was planted: its facts, and how to look at it again, any number of times.

    :ivar ask: Called before all witnesses are looked at: begins what a look waits for.
    """

    facts: Facts
    look: Callable[[], Facts]
    ask: Callable[[], object] = lambda: None


class Witness(NamedTuple):
    """A kind of witness: its name and how to plant it.

    :ivar plant: Returns what was planted. May raise :exc:`Lacking`.
    :ivar private: Whether it leaves nothing in the system that outlives the daemon.
    """

    name: str
    plant: Callable[[], Planted]
    private: bool = True


def as_found(look: Callable[[], Facts]) -> Callable[[], Planted]:
    """Return how to plant a witness of what is there anyhow, and is looked at alone."""

    @wraps(look)
    def plant() -> Planted:
        return Planted(look(), look)

    return plant


def describe(error: BaseException) -> str:
    """Return an exception as one line: ``ENOENT /proc/none: No such file or directory``."""
    if isinstance(error, OSError) and error.errno is not None:
        name = errno_name(error.errno)
        path = f" {error.filename}" if error.filename else ""
        return f"{name}{path}: {error.strerror}"
    return f"{type(error).__name__}: {error}"


def errno_name(number: int) -> str:
    """Return the name of an error number, such as ``EBUSY``."""
    import errno

    return errno.errorcode.get(number, f"errno {number}")
