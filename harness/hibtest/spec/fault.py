"""What is made to go wrong outside the guest's kernel: one small frozen class per fault."""

import msgspec


class WriteError(msgspec.Struct, frozen=True, kw_only=True, tag="write-error"):
    """Writes to one place of a disk fail with EIO, in every boot.

    :ivar serial: Which disk.
    :ivar at_mib: Where on it, in MiB from its start.
    """

    serial: str
    at_mib: int


class ServerGone(msgspec.Struct, frozen=True, kw_only=True, tag="server-gone"):
    """The image server breaks off when the agent begins to write."""


Fault = WriteError | ServerGone
