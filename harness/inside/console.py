"""The guest's serial console: its lines, and what is expected of it.

Example::

    with Console(machine.console) as console:
        console.expect(r"hibtest: ready", Deadline.after(60, "the guest's ready line"))
        for line in console.lines():
            print(line)
"""

import codecs
import re
import socket
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar, cast

import pexpect
from pexpect.socket_pexpect import SocketSpawn

from harness.deadline import Deadline, DeadlineExpired, wait_readable
from harness.errors import GuestError, HostError

_E = TypeVar("_E", bound=Exception)

_KEPT = 200  # lines that last() can look back
_CHUNK = 65536
_DRAIN = 64  # chunks that lines() reads at most, so that a guest in a loop cannot hold it
_SHOWN = 20  # lines that go with an error

# A carriage return goes; other control characters, escape sequences' first byte among them,
# become visible: what a guest prints must not drive the terminal it is shown on.
_HARMLESS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {
    ord("\t"): "\t",
    ord("\n"): "\n",
    ord("\r"): "",
}


class Console:
    """A guest's serial line, over a connected socket that stays its owner's.

    Lines have no carriage returns, and control characters and bytes that are not UTF-8 show as
    ``\\x1b``. :meth:`lines` and :meth:`expect` share one stream: what one of them reads still
    comes out of :meth:`lines` and :meth:`last`.

    :param line: Connected stream socket to the guest's serial port.
    :param transcript: File that every byte is appended to as it is read; ``None`` when whoever
        holds the other end keeps the transcript, as QEMU can.
    :raise HostError: When the transcript cannot be opened.
    """

    def __init__(self, line: socket.socket, transcript: Path | None = None) -> None:
        self._socket = line
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._kept: deque[str] = deque(maxlen=_KEPT)
        self._new: list[str] = []
        self._partial = ""
        self._unseen = ""  # neither matched by expect() nor returned by lines()
        self._eof = False
        self._transcript = _Transcript(transcript) if transcript else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the transcript; the socket stays open."""
        if self._transcript:
            self._transcript.close()

    def fileno(self) -> int:
        """Return the descriptor that is readable when the guest has printed something."""
        return self._socket.fileno()

    @property
    def eof(self) -> bool:
        """Whether the other end has hung up and everything it wrote was read."""
        return self._eof

    @property
    def partial(self) -> str:
        """The line that has begun and not ended."""
        return self._partial

    def last(self, n: int = _SHOWN) -> tuple[str, ...]:
        """Return the last ``n`` lines that were read (200 are kept), the begun one included."""
        lines = [*self._kept, self._partial] if self._partial else [*self._kept]
        return tuple(lines[-n:]) if n > 0 else ()

    def lines(self) -> list[str]:
        """Read what is there, without waiting; return the lines completed since the last call.

        :raise HostError: When the transcript cannot be written.
        """
        for _ in range(_DRAIN):
            if not self.read():
                break
        new, self._new = self._new, []
        self._unseen = self._unseen.rpartition("\n")[2]
        return new

    def read(self) -> str:
        """Read once, without waiting; return the text, empty when there is none.

        :raise HostError: When the transcript cannot be written.
        """
        if self._eof:
            return ""
        try:
            data = self._socket.recv(_CHUNK, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return ""
        except ConnectionError:
            data = b""
        self._eof = not data
        if self._transcript:
            self._transcript.write(data)
        text = self._decoder.decode(data, final=self._eof).translate(_HARMLESS)
        *lines, self._partial = (self._partial + text).split("\n")
        self._new += lines
        self._kept += lines
        self._unseen += text
        return text

    def expect(self, pattern: str, deadline: Deadline) -> re.Match[str]:
        """Wait until the guest prints what matches ``pattern``, and return the match.

        What earlier matches took and what :meth:`lines` has returned is not searched again.

        :param pattern: Regular expression; a dot matches line ends too.
        :raise DeadlineExpired: When the deadline passes first; the last lines are in its notes.
        :raise GuestError: When the console is closed first; the last lines are in its notes.
        """
        stream = _Stream(self, deadline)
        stream.buffer = self._unseen
        try:
            stream.expect(pattern, timeout=None)
        except pexpect.TIMEOUT:
            raise self._with_lines(DeadlineExpired(deadline)) from None
        except pexpect.EOF:
            raise self._with_lines(
                GuestError(f"the guest's console closed before {deadline.what} came")
            ) from None
        self._unseen = stream.buffer
        return cast("re.Match[str]", stream.match)

    def send(self, line: str) -> None:
        """Type a line on the console.

        :raise GuestError: When the other end is gone or takes no input.
        """
        data = line.encode() + b"\n"
        try:
            sent = self._socket.send(data, socket.MSG_DONTWAIT)
        except OSError as error:
            raise GuestError(f"the guest's console took no input: {error.strerror}") from error
        if sent < len(data):
            raise GuestError(f"the guest's console took {sent} of {len(data)} bytes of input")

    def _with_lines(self, error: _E) -> _E:
        error.add_note("\n".join(("last lines of the console:", *self.last())))
        return error


class _Transcript:
    # a file that holds each byte as soon as it was read

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise self._failed(error) from error

    def write(self, data: bytes) -> None:
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        self._file.close()

    def _failed(self, error: OSError) -> HostError:
        return HostError(
            f"console transcript {self._path}: {error.strerror}",
            hint="give it a directory that can be written and has room",
        )


if TYPE_CHECKING:
    _Spawn = SocketSpawn[str]
else:
    _Spawn = SocketSpawn  # generic in its type stubs alone


class _Stream(_Spawn):
    # pexpect's search over what the console reads: SocketSpawn itself neither decodes nor logs

    def __init__(self, console: Console, deadline: Deadline) -> None:
        super().__init__(console._socket, encoding="utf-8", timeout=None)
        self.delayafterread = None
        self._console = console
        self._deadline = deadline

    def read_nonblocking(self, _size: int = 1, _timeout: float | None = -1) -> str:
        while not (text := self._console.read()):
            if self._console.eof:
                raise pexpect.EOF("console closed")
            if not wait_readable([self._console.fileno()], self._deadline):
                raise pexpect.TIMEOUT("deadline passed")
        return text
