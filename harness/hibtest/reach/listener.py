"""Reads a socket as soon as there is something, whatever its user is busy with.

A guest stops when nobody reads its serial console: QEMU hands over byte by byte, and a Unix
socket holds only a few hundred such pieces. So a thread reads, and whoever is interested takes
what has come when it has the time.
"""

import os
import select
import socket
import threading
from pathlib import Path

from hibtest.deadline import Deadline
from hibtest.errors import HostError

_CHUNK = 65536
_MOST = 64 << 20  # bytes that are kept for take(); then the guest has to wait
_TAKEN = 64  # chunks that take() reads itself, so that a guest that never pauses cannot hold it


class Listener:
    """Takes all bytes from a connected socket, and keeps them until they are asked for.

    :param line: The socket; it stays its owner's.
    :param transcript: File that every byte is appended to as it comes, or ``None``.
    :raise HostError: When the transcript cannot be opened.
    """

    def __init__(self, line: socket.socket, transcript: Path | None) -> None:
        self._socket = line
        self._transcript = _Transcript(transcript) if transcript else None
        self._news = threading.Condition()
        self._bytes = bytearray()
        self._ended = False
        self._closing = False
        self._error: HostError | None = None
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._stop = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = threading.Thread(target=self._listen, name="console", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening. The socket stays open."""
        if self._thread.is_alive():
            os.eventfd_write(self._stop, 1)
            with self._news:
                self._closing = True
                self._news.notify_all()
            self._thread.join()
        for fd in (self._bell, self._stop):
            if fd >= 0:
                os.close(fd)
        self._bell = self._stop = -1
        if self._transcript:
            self._transcript.close()

    def fileno(self) -> int:
        """Return the descriptor that is readable once a line, or the stream, has ended.

        So it is when much has come without a line's end.
        """
        return self._bell

    def hush(self) -> None:
        """Make the descriptor unreadable until the next line has ended."""
        try:
            os.eventfd_read(self._bell)
        except BlockingIOError:
            return  # it did not ring

    def take(self) -> tuple[bytes, bool]:
        """Return all that has come since the last call, and whether nothing more can come.

        :raise HostError: When the transcript could not be written.
        """
        with self._news:
            for _ in range(_TAKEN):
                if self._ended or self._is_full() or not self._receive():
                    break
            if self._error:
                raise self._error
            taken, self._bytes = bytes(self._bytes), bytearray()
            self._news.notify_all()
            return taken, self._ended

    def wait(self, deadline: Deadline) -> bool:
        """Wait until there is something to take; return whether it came before the deadline."""
        with self._news:
            return self._news.wait_for(self._has_news, deadline.remaining)

    def _has_news(self) -> bool:
        return bool(self._bytes or self._ended or self._error)

    def _listen(self) -> None:
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        poller.register(self._stop, select.POLLIN)
        while not self._ended:
            if any(fd == self._stop for fd, _ in poller.poll()):
                return
            with self._news:
                self._news.wait_for(lambda: self._closing or not self._is_full())
                self._receive()
                self._news.notify_all()

    def _is_full(self) -> bool:
        return len(self._bytes) >= _MOST

    def _receive(self) -> bool:
        # with the lock held; returns whether there was something
        try:
            data = self._socket.recv(_CHUNK, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:  # reset, or closed by its owner
            data = b""
        self._bytes += data
        self._ended = not data
        if not data or b"\n" in data or len(self._bytes) >= _CHUNK:
            os.eventfd_write(self._bell, 1)
        try:
            if self._transcript:
                self._transcript.write(data)
        except HostError as error:
            self._error = error
        return True


class _Transcript:
    # a file that holds each byte as soon as it came

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
