"""The guest's serial console: its lines, and what is expected of it.

Example::

    with Console(machine.console) as console:
        console.expect("hibtest: ready", Deadline.after(60, "the guest's ready line"))
        for line in console.lines():
            print(line)
"""

import codecs
import re
import socket
from collections import deque
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import pexpect
from pexpect.socket_pexpect import SocketSpawn

from hibtest.deadline import Deadline, DeadlineExpired
from hibtest.errors import GuestError
from hibtest.reach.listener import Listener

_E = TypeVar("_E", bound=Exception)

_KEPT = 200  # lines that last() can look back
_SHOWN = 20  # lines that go with an error
_LONGEST = 16384  # characters of a line; a longer one becomes several

# A carriage return goes; other control characters, escape sequences' first byte among them,
# become visible: what a guest prints must not drive the terminal it is shown on.
_HARMLESS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {
    ord("\t"): "\t",
    ord("\n"): "\n",
    ord("\r"): "",
}


class Console(AbstractContextManager["Console"]):
    """A guest's serial line, over a connected socket that stays its owner's.

    It is read all the time, in a thread: a guest whose console nobody reads stands still.
    Lines have no carriage returns, and control characters and bytes that are not UTF-8 show as
    ``\\x1b``; a line without end becomes several. :meth:`lines` and :meth:`expect` share one
    stream: what one of them reads still comes out of :meth:`lines` and :meth:`last`.

    :param line: Connected stream socket to the guest's serial port.
    :param transcript: File that every byte is appended to as it is read; ``None`` when whoever
        holds the other end keeps the transcript, as QEMU can.
    :param before: What was printed before: it is read first.
    :raise HostError: When the transcript cannot be opened.
    """

    def __init__(
        self, line: socket.socket, transcript: Path | None = None, before: bytes = b""
    ) -> None:
        self._socket = line
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._kept: deque[str] = deque(maxlen=_KEPT)
        self._new: list[str] = []
        self._partial = ""
        self._unseen = ""  # neither matched by expect() nor returned by lines()
        self._eof = False
        self._take(before, ended=False)
        self._listener = Listener(line, transcript)

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading and close the transcript; the socket stays open."""
        self._listener.close()

    def fileno(self) -> int:
        """Return the descriptor that is readable once a line, or the stream, has ended."""
        return self._listener.fileno()

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
        """Return the lines completed since the last call, without waiting.

        :raise HostError: When the transcript cannot be written.
        """
        self._listener.hush()
        self._read()
        new, self._new = self._new, []
        self._unseen = self._unseen.rpartition("\n")[2]
        return new

    def _read(self) -> str:
        return self._take(*self._listener.take())

    def _take(self, data: bytes, ended: bool) -> str:
        text = self._decoder.decode(data, final=ended).translate(_HARMLESS)
        text = _broken(text, len(self._partial))
        *lines, self._partial = (self._partial + text).split("\n")
        self._new += lines
        self._kept += lines
        self._unseen += text
        self._eof = ended
        return text

    def _read_more(self, deadline: Deadline) -> str:
        # for pexpect, and with its exceptions
        while not (text := self._read()):
            if self._eof:
                raise pexpect.EOF("the console is closed")
            if not self._listener.wait(deadline):
                raise pexpect.TIMEOUT("the deadline has passed")
        return text

    def expect(self, pattern: str, deadline: Deadline) -> re.Match[str]:
        """Wait until the guest prints what matches ``pattern``, and return the match.

        What earlier matches took and what :meth:`lines` has returned is not searched again. The
        match comes as soon as enough was printed: end a pattern with ``\\n`` to have whole lines.

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


def _broken(text: str, begun: int) -> str:
    """Break lines that are too long, the first of which has so many characters already."""
    if begun + len(text) <= _LONGEST:
        return text
    lines = text.split("\n")
    pieces = []
    for line in lines:
        first = _LONGEST - begun
        rest = range(first, len(line), _LONGEST)
        pieces.append("\n".join((line[:first], *(line[at : at + _LONGEST] for at in rest))))
        begun = 0
    return "\n".join(pieces)


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
        return self._console._read_more(self._deadline)
