"""Where an image goes to, and comes from: one small module per kind of target.

``swap`` (slots of an active swap), ``raw`` (a block device of its own), ``server`` (an image
server, over TLS). All give and take the same: a stream of bytes in order, and one record that
makes it an image.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Protocol

from hibtest.agent.device import SnapshotDevice
from hibtest.agent.errors import AgentError
from hibtest.agent.guardian.journal import Journal


class Sink(Protocol):
    """A target that is written to. It is opened before anything is stopped."""

    def prepare(self, _device: SnapshotDevice, _pages: int, _journal: Journal, /) -> None:
        """Get ready for a stream of about so many pages: nothing is opened after this.

        What that takes away from the medium is in the journal before.
        """

    def facts(self) -> dict[str, Any]:
        """Return what the log says of getting ready."""

    def write(self, data: bytes | memoryview) -> None:
        """Take more of the stream."""

    def commit(self, record: bytes) -> None:
        """Make it an image: when this returns, it is on the medium."""

    def close(self) -> None:
        """Let go of the target; what was not committed is nothing."""


class Source(Protocol):
    """A target that is read from."""

    def record(self) -> bytes:
        """Return the page of the commit record."""

    def read(self, size: int) -> bytes:
        """Return more of the stream, less than asked for only at its end."""

    @property
    def at(self) -> int | None:
        """Where on the device the last read began, in bytes; ``None`` where there is no device."""

    def mark(self, state: bytes) -> None:
        """Change the record's state: when this returns, nobody resumes from it any more."""

    def close(self) -> None:
        """Let go of the target."""


class Target(NamedTuple):
    """A target as it is named on the command line.

    :ivar kind: ``swap``, ``raw`` or ``server``.
    :ivar where: A device or file; for a server ``HOST:PORT``. Empty for the swap in use.
    :ivar keys: For a server, a PEM file: its CA's certificate, ours, and our key.
    :ivar early: For swap, whether slots are allocated before the snapshot.
    :ivar overwrite: For a device, whether what it holds may be lost.
    """

    kind: str
    where: str
    keys: str = ""
    early: bool = False
    overwrite: bool = False


def parse(text: str, keys: str = "", *, early: bool = False, overwrite: bool = False) -> Target:
    """Read ``swap[:DEVICE]``, ``raw:DEVICE`` or ``server:HOST:PORT``.

    :raise AgentError: When it is none of these.
    """
    kind, _, where = text.partition(":")
    if kind not in _FORMS or not _FORMS[kind][1].fullmatch(where):
        raise AgentError(
            f"--target {text!r} is no target",
            f"one of {', '.join(form for form, _ in _FORMS.values())}",
        )
    if kind == "server" and not keys:
        raise AgentError(
            f"--target {text} needs --keys FILE",
            "the image is all of memory: it goes only to a server that both sides have proved",
        )
    return Target(kind, where, keys, early, overwrite)


def open_sink(target: Target, buffer_pages: int) -> Sink:
    """Open a target for writing, with a buffer of so many pages.

    :raise AgentError: When it cannot be had.
    """
    if target.kind == "swap":
        from hibtest.agent.target.swap import SwapSink

        return SwapSink(target.where, buffer_pages, early=target.early)
    if target.kind == "raw":
        from hibtest.agent.target.medium import require
        from hibtest.agent.target.raw import RawSink

        require(target.where)
        return RawSink(target.where, buffer_pages, overwrite=target.overwrite)
    from hibtest.agent.target.server import open_sink as connect

    return connect(target.where, target.keys)


def open_source(target: Target) -> Source:
    """Open a target for reading.

    :raise AgentError: When it cannot be had.
    :raise NoImage: When it holds no image.
    """
    if target.kind == "swap":
        from hibtest.agent.target.swap import open_swap

        return open_swap(target.where)
    if target.kind == "raw":
        from hibtest.agent.target.block import open_block
        from hibtest.agent.target.raw import RawSource

        return RawSource(open_block(target.where))
    from hibtest.agent.target.server import open_source as connect

    return connect(target.where, target.keys)


_FORMS = {
    "swap": ("swap[:DEVICE[@PAGE]]", re.compile(r"([^@]+(@[0-9]{1,15})?)?")),
    "raw": ("raw:DEVICE", re.compile(r".+")),
    "server": ("server:HOST:PORT", re.compile(r".+")),
}
