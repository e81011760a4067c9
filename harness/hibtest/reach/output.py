"""What a guest prints over SSH: as it comes, within limits of time and size."""

import textwrap
import threading
from collections.abc import Iterator
from contextlib import suppress

import paramiko

from hibtest.deadline import Deadline, DeadlineExpired, wait_readable
from hibtest.errors import GuestError

_CHUNK = 65536
_TAIL = 4096  # bytes of output that are kept to say what was last seen
MOST = 16 << 20  # bytes of a command's output; the longest that is asked for has some 100 KiB
_LONGEST = 1 << 20  # bytes of a line


def hang_up(channel: paramiko.Channel) -> None:
    """Close a channel on which data may still come.

    What arrives while the channel closes the pipe behind its fileno() would be told through it: by
    a write to a descriptor that is closed, which ends the connection, or somebody else's by now
    (PosixPipe in pipe.py, paramiko 5.1). So its buffers tell somebody else before.
    """
    for buffer in (channel.in_buffer, channel.in_stderr_buffer):
        buffer.set_event(threading.Event())
    with suppress(OSError, EOFError):  # a dead guest need not be told
        channel.close()


def pump(channel: paramiko.Channel, deadline: Deadline) -> Iterator[tuple[bytes, bytes]]:
    """Yield what comes on stdout and stderr until both have ended.

    :raise DeadlineExpired: When they have not in time; the last line is in its notes.
    """
    tail = b""
    while True:
        if deadline.expired:  # also where there is always more to read
            raise _stalled(deadline, tail)
        ended = channel.eof_received or channel.closed  # asked first: nothing comes after it
        out = channel.recv(_CHUNK) if channel.recv_ready() else b""
        err = channel.recv_stderr(_CHUNK) if channel.recv_stderr_ready() else b""
        if out or err:
            tail = (tail + out + err)[-_TAIL:]
            yield out, err
        elif ended:
            return
        else:
            wait_readable([channel.fileno()], deadline)


class Lines:
    """Bytes as they come, given out as lines; all together have a limit, and so has each.

    :ivar partial: The line that has begun and not ended.
    """

    def __init__(self, command: str) -> None:
        self.partial = bytearray()
        self._command = command
        self._taken = 0

    def of(self, data: bytes) -> Iterator[str]:
        """Yield the lines that end with these bytes.

        :raise GuestError: When a limit is passed.
        """
        self._taken += len(data)
        require(self._taken, MOST, "output", self._command)
        *lines, rest = data.split(b"\n")
        for line in lines:
            yield text_of(self.partial + line)
            self.partial = bytearray()
        self.partial += rest
        require(len(self.partial), _LONGEST, "a line", self._command)


def require(size: int, most: int, what: str, command: str) -> None:
    """Check that a command's output is no larger than so many bytes.

    :raise GuestError: When it is.
    """
    if size > most:
        text = f"`{short(command)}` in the guest printed {what} of over {most >> 20} MiB"
        raise GuestError(text)


def _stalled(deadline: Deadline, tail: bytes) -> DeadlineExpired:
    lines = text_of(tail).splitlines()
    error = DeadlineExpired(deadline)
    error.add_note(f"last line seen: {lines[-1]}" if lines else "it printed nothing")
    return error


def short(text: str) -> str:
    """Return a command or its output as it goes into a message."""
    return textwrap.shorten(text, 120, placeholder=" ...")


def text_of(data: bytes | bytearray) -> str:
    """Return bytes as text; those that are no UTF-8 show as ``\\xff``."""
    return data.decode("utf-8", "backslashreplace")
