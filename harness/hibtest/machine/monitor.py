"""QEMU's monitor (QMP), and the only asyncio: qemu.qmp's client in a thread of its own.

Commands are ordinary calls. Events are queued, and a file descriptor tells that some are::

    with connect(sock, log, deadline) as monitor:
        monitor.execute("cont", deadline=deadline)
        ready = wait_readable([monitor.fileno(), console.fileno()], deadline)
        for event in monitor.events(): ...

QMP is described in QEMU's docs/interop/qmp-spec.rst.
"""

import asyncio
import json
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from qemu.qmp import Message, QMPClient, QMPError, Runstate

from hibtest.deadline import Deadline, DeadlineExpired, wait_readable
from hibtest.errors import HostError, QemuError

T = TypeVar("T")
# What qemu.qmp 0.0.6 lets through when the other end speaks no QMP: it asserts what it expects.
_NO_QMP = (AssertionError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
_CLOSE_LIMIT = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event that QEMU sent.

    :ivar at: ``time.monotonic()`` of its arrival.
    :ivar data: Its data, empty when it has none.
    """

    name: str
    at: float
    data: dict[str, Any]


class _Client(QMPClient):
    """qemu.qmp's client, with an ear on every message both ways."""

    def __init__(self, hear: Callable[[str, Message], None]) -> None:
        super().__init__("hibtest")
        self._hear = hear

    def _cb_inbound(self, msg: Message) -> Message:
        self._hear("<-", msg)
        return super()._cb_inbound(msg)

    def _cb_outbound(self, msg: Message) -> Message:
        self._hear("->", msg)
        return super()._cb_outbound(msg)


class Monitor:
    """A connected QMP monitor; made by :func:`connect`."""

    def __init__(self, log: BinaryIO, began: float) -> None:
        self._log = log
        self._began = began
        self._client = _Client(self._hear)
        self._heard: deque[Event] = deque()  # filled by the thread
        self._kept: list[Event] = []  # taken out of _heard by wait_event, not yet asked for
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._gone = False
        self._log_error: OSError | None = None
        self._watcher: asyncio.Task[None] | None = None  # asyncio itself holds tasks weakly
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._overhear)
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="hibtest-qmp", daemon=True
        )

    def execute(
        self, command: str, arguments: Mapping[str, object] | None = None, *, deadline: Deadline
    ) -> object:
        """Run a QMP command and return what it returned.

        :raise QemuError: When QEMU refuses it, or the connection is lost before the answer.
        :raise DeadlineExpired: When no answer came in time.
        """
        self._check_log()
        try:
            return self._call(self._client.execute(command, arguments), deadline)
        except (QMPError, OSError, EOFError) as error:
            reason = "the monitor is closed" if self._gone else str(error) or "connection lost"
            raise QemuError(f"QMP command {command} failed: {reason}") from error
        except _NO_QMP as error:
            raise _no_qmp(error) from error

    def fileno(self) -> int:
        """Return a descriptor that can be read when events, or the end, are to be seen."""
        return self._bell

    @property
    def gone(self) -> bool:
        """Whether QEMU has closed the connection, and all that it sent is among the events.

        The end of the process can be seen before that: its last events are still on their way.
        """
        return self._gone

    def events(self) -> list[Event]:
        """Return the events that came since the last call, oldest first, without waiting.

        :raise HostError: When the messages can no longer be logged: the file system is full.
        """
        self._check_log()
        with suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        events, self._kept = self._kept, []
        while self._heard:
            events.append(self._heard.popleft())
        return events

    def wait_event(self, name: str, deadline: Deadline) -> Event:
        """Wait for the next event of that name; the others stay queued.

        :raise QemuError: When the connection is lost before it came.
        :raise DeadlineExpired: When it did not come in time.
        """
        while True:
            gone = self._gone  # asked first: the last events come before the end
            events = self.events()
            found = next((event for event in events if event.name == name), None)
            self._kept = [event for event in events if event is not found]
            if found is not None:
                if self._kept:
                    self._ring()
                return found
            if gone:
                raise QemuError(f"QEMU closed its monitor before the event {name}")
            deadline.check()
            wait_readable([self._bell], deadline)

    # ---- from here on: how it works

    def _check_log(self) -> None:
        if self._log_error is not None:
            raise HostError(
                f"{self._log.name}: {self._log_error.strerror}", hint="free some room there"
            ) from self._log_error

    def _ring(self) -> None:
        os.eventfd_write(self._bell, 1)

    # Called in the thread, for every message.
    def _hear(self, direction: str, msg: Message) -> None:
        now = time.monotonic()
        line = {"t": round(now - self._began, 6), "dir": direction, "msg": dict(msg)}
        try:
            self._log.write(json.dumps(line).encode() + b"\n")
        except OSError as error:
            self._log_error = error  # raised where somebody can hear it
        name = msg.get("event")
        if isinstance(name, str):
            data = msg.get("data")
            self._heard.append(
                Event(name=name, at=now, data=data if isinstance(data, dict) else {})
            )
            self._ring()

    # What the library's tasks ended of and nobody asked for is for the log, not for a terminal.
    def _overhear(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        t = round(time.monotonic() - self._began, 6)
        line = {"t": t, "note": f"{context.get('message')}: {context.get('exception')!r}"}
        with suppress(OSError, ValueError):  # closed already
            self._log.write(json.dumps(line).encode() + b"\n")

    def _call(self, coroutine: Coroutine[Any, Any, T], deadline: Deadline) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(deadline.remaining)
        except TimeoutError as error:
            raise DeadlineExpired(deadline) from error
        finally:
            future.cancel()

    async def _watch(self) -> None:
        while self._client.runstate is Runstate.RUNNING:
            await self._client.runstate_changed()
        self._gone = True
        self._ring()

    async def _connect(self, sock: socket.socket) -> None:
        await self._client.connect(sock)
        self._watcher = asyncio.create_task(self._watch())

    async def _disconnect(self) -> None:
        if self._watcher is not None:
            # QEMU that ended first has left an EOFError in the reader's task.
            # What it said that was no QMP was told, or nobody waits for it any more.
            with suppress(EOFError, OSError, QMPError, *_NO_QMP):
                await self._client.disconnect()
        # What was given up at its deadline is still ending.
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*rest, return_exceptions=True)

    def _open(self, sock: socket.socket, deadline: Deadline) -> None:
        try:
            self._call(self._connect(sock), deadline)
        except QMPError as error:
            raise QemuError(f"QEMU's monitor did not answer: {error}") from error
        except _NO_QMP as error:
            raise _no_qmp(error) from error

    def _close(self) -> None:
        try:
            self._call(self._disconnect(), Deadline.after(_CLOSE_LIMIT, "the monitor's end"))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            os.close(self._bell)


def _no_qmp(error: Exception) -> QemuError:
    said = str(error) or type(error).__name__
    return QemuError(f"QEMU's monitor said what is no QMP: {said:.200}")


@contextmanager
def connect(
    sock: socket.socket, log: Path, deadline: Deadline, *, began: float | None = None
) -> Iterator[Monitor]:
    """Connect to the monitor at the other end of a socket; disconnect at the end.

    :param sock: A connected socket; it belongs to the monitor from now on.
    :param log: New file for every message both ways: ``{"t": s, "dir": "->", "msg": {...}}``.
    :param began: ``time.monotonic()`` that is 0 s in the log; now when not given.
    :raise QemuError: When the other end hangs up before it is ready for commands.
    :raise DeadlineExpired: When it does not answer in time.
    """
    with log.open("xb", buffering=0) as lines:
        monitor = Monitor(lines, time.monotonic() if began is None else began)
        monitor._thread.start()
        try:
            monitor._open(sock, deadline)
            yield monitor
        finally:
            monitor._close()
