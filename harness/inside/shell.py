"""Commands in a guest, over SSH.

Example::

    with connect(machine.ssh_port, files.ssh_key, files.host_key, deadline) as shell:
        release = shell.run("uname -r", deadline).stdout.strip()
        shell.push(agent, "/run/agent.pyz", 0o755, deadline)
        for line in shell.stream("/run/agent.pyz audit", deadline):
            print(line)
"""

import hashlib
import json
import shlex
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import paramiko

from harness.deadline import Deadline, DeadlineExpired, wait_readable
from harness.errors import GuestError
from harness.inside.link import Link, open_link

Command = str | Sequence[str]

_CHUNK = 65536
_LOOPBACK = "127.0.0.1"
_TAIL = 4096  # bytes of output that are kept to say what was last seen
_MOST = 16 << 20  # bytes of a command's output; the longest that is asked for has some 100 KiB
_LONGEST = 1 << 20  # bytes of a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a command came to; bytes that are not UTF-8 show as ``\\xff``."""

    command: str
    status: int
    stdout: str
    stderr: str


def connect(port: int, key: Path, host_key: str, deadline: Deadline) -> "Shell":
    """Connect as root to the guest behind a local port, trying again until its server is up.

    :param port: TCP port on 127.0.0.1.
    :param key: Private key file (Ed25519).
    :param host_key: The one host key that is accepted: ``ssh-ed25519 AAAA...``.
    :raise DeadlineExpired: When no server answered in time; its notes say how the last try ended.
    :raise GuestError: When a server with another host key answers, or it refuses the key.
    :raise HostError: When a key cannot be read.
    """
    return Shell(open_link(port, key, host_key, deadline))


class NobodyListens(GuestError):
    """The guest refuses connections to a port of its own."""


class Shell:
    """Root's SSH connection to a guest. It dies with its machine: connect again after a resume."""

    def __init__(self, link: Link) -> None:
        self._link = link

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
        """End the connection, also with a guest that is dead or stuck. Never raises."""
        self._link.close()

    @property
    def alive(self) -> bool:
        """Whether the connection is still up as far as this side can tell."""
        return self._link.alive

    def run(
        self, command: Command, deadline: Deadline, *, check: bool = True, stdin: bytes = b""
    ) -> Result:
        """Run a command to its end; an argv is quoted, a string goes to the guest's shell.

        :param check: Whether a status other than 0 is an error.
        :raise DeadlineExpired: When it has not ended in time; the output's end is in the notes.
        :raise GuestError: When the connection is lost, a signal kills the command, or (with
            ``check``) its status is not 0.
        """
        text = _text(command)
        stdout, stderr = bytearray(), bytearray()
        with self._exec(text, deadline) as channel:
            self._feed(channel, stdin, deadline)
            for out, err in _pump(channel, deadline):
                stdout += out
                stderr += err
                _limit(len(stdout) + len(stderr), _MOST, "output", text)
            status = _status(channel, text, deadline)
        result = Result(command=text, status=status, stdout=_decode(stdout), stderr=_decode(stderr))
        if check:
            _check(result)
        return result

    def run_json(self, command: Command, deadline: Deadline, *, stdin: bytes = b"") -> Any:
        """Run a command and return what it prints, which must be one JSON value.

        :raise GuestError: As :meth:`run`, and when the output is something else.
        :raise DeadlineExpired: As :meth:`run`.
        """
        result = self.run(command, deadline, stdin=stdin)
        try:
            return json.loads(result.stdout)
        except (ValueError, RecursionError) as error:
            raise GuestError(
                f"`{_short(result.command)}` in the guest printed no JSON: {error}: "
                f"{_short(result.stdout)!r}"
            ) from error

    def stream(self, command: Command, deadline: Deadline) -> Iterator[str]:
        """Run a command and yield the lines it prints as they come; it starts at the first one.

        :raise DeadlineExpired: When it has not ended in time; the notes name the last line.
        :raise GuestError: As :meth:`run`, after the last line.
        """
        text = _text(command)
        lines, stderr = _Lines(text), bytearray()
        with self._exec(text, deadline) as channel:
            self._feed(channel, b"", deadline)
            for out, err in _pump(channel, deadline):
                stderr += err
                _limit(len(stderr), _MOST, "output", text)
                yield from lines.of(out)
            status = _status(channel, text, deadline)
        if lines.partial:
            yield _decode(lines.partial)
        _check(Result(command=text, status=status, stdout="", stderr=_decode(stderr)))

    def ask(self, port: int, line: str, deadline: Deadline) -> Iterator[str]:
        """Send a line to a TCP port of the guest's own and yield the lines that come back.

        No process is started in the guest for it. Close the iterator to hang up.

        :raise NobodyListens: When the guest refuses the connection; before the first line.
        :raise DeadlineExpired: When the other end has not hung up in time.
        :raise GuestError: When the connection is lost.
        """
        with self._dial(port, deadline) as channel:
            self._feed(channel, line.encode() + b"\n", deadline)
            lines = _Lines(line)
            for out, _ in _pump(channel, deadline):
                yield from lines.of(out)

    def push(self, data: bytes, path: str, mode: int, deadline: Deadline) -> None:
        """Put a file into the guest: whole, checked by SHA-256, then renamed into place.

        :param mode: Permission bits, such as ``0o755``.
        :raise DeadlineExpired: When it took too long.
        :raise GuestError: When the guest could not store it.
        """
        final, part = shlex.quote(path), shlex.quote(f"{path}.part")
        digest = hashlib.sha256(data).hexdigest()
        check = f'test "$(sha256sum <{part})" = "{digest}  -"'
        self.run(
            f"cat >{part} && {{ {check} || {{ echo 'wrong SHA-256' >&2; false; }}; }} "
            f"&& chmod {mode:o} {part} && mv {part} {final}",
            deadline,
            stdin=data,
        )

    def detach(self, command: Command, deadline: Deadline) -> None:
        """Start a command that outlives this connection, in its own session, without output.

        :raise DeadlineExpired: When it could not be started in time.
        :raise GuestError: When it could not be started.
        """
        script = shlex.quote(_text(command))
        self.run(f"setsid -f sh -c {script} </dev/null >/dev/null 2>&1", deadline)

    @contextmanager
    def _exec(self, text: str, deadline: Deadline) -> Iterator[paramiko.Channel]:
        with self._link.limited(deadline):
            channel = self._link.transport.open_session()
        try:
            with self._link.limited(deadline):
                channel.exec_command(text)
            yield channel
        finally:
            with suppress(OSError, EOFError):  # a dead guest need not be told
                channel.close()

    @contextmanager
    def _dial(self, port: int, deadline: Deadline) -> Iterator[paramiko.Channel]:
        with self._link.limited(deadline):
            try:
                channel = self._link.transport.open_channel(
                    "direct-tcpip", (_LOOPBACK, port), (_LOOPBACK, 0)
                )
            except paramiko.ChannelException as error:
                raise NobodyListens(f"port {port} of the guest: {error}") from error
        with channel:
            yield channel

    def _feed(self, channel: paramiko.Channel, data: bytes, deadline: Deadline) -> None:
        with self._link.limited(deadline):
            try:
                channel.sendall(data)
                channel.shutdown_write()
            except OSError:
                # a command that ended before it had read all says why by its status
                if not channel.closed:
                    raise


def _pump(channel: paramiko.Channel, deadline: Deadline) -> Iterator[tuple[bytes, bytes]]:
    # yields what came on stdout and stderr until both have ended
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


class _Lines:
    # bytes as they come, given out as lines; all of them together have a limit, and so has each

    def __init__(self, command: str) -> None:
        self.partial = bytearray()
        self._command = command
        self._taken = 0

    def of(self, data: bytes) -> Iterator[str]:
        self._taken += len(data)
        _limit(self._taken, _MOST, "output", self._command)
        *lines, rest = data.split(b"\n")
        for line in lines:
            yield _decode(self.partial + line)
            self.partial = bytearray()
        self.partial += rest
        _limit(len(self.partial), _LONGEST, "a line", self._command)


def _limit(size: int, most: int, what: str, command: str) -> None:
    if size > most:
        text = f"`{_short(command)}` in the guest printed {what} of over {most >> 20} MiB"
        raise GuestError(text)


def _stalled(deadline: Deadline, tail: bytes) -> DeadlineExpired:
    lines = _decode(tail).splitlines()
    error = DeadlineExpired(deadline)
    error.add_note(f"last line seen: {lines[-1]}" if lines else "it printed nothing")
    return error


def _status(channel: paramiko.Channel, text: str, deadline: Deadline) -> int:
    if not channel.status_event.wait(deadline.remaining):
        raise DeadlineExpired(deadline)
    if channel.exit_status < 0:
        why = "killed by a signal" if channel.eof_received else "the connection was lost"
        raise GuestError(f"`{_short(text)}` in the guest ended without a status: {why}")
    return channel.exit_status


def _check(result: Result) -> None:
    if result.status == 0:
        return
    lines = result.stderr.strip().splitlines()
    error = GuestError(
        f"`{_short(result.command)}` in the guest: status {result.status}"
        + (f": {lines[-1]}" if lines else "")
    )
    if len(lines) > 1:
        error.add_note(result.stderr.strip())
    raise error


def _text(command: Command) -> str:
    return command if isinstance(command, str) else shlex.join(command)


def _short(text: str) -> str:
    return textwrap.shorten(text, 120, placeholder=" ...")


def _decode(data: bytes | bytearray) -> str:
    return data.decode("utf-8", "backslashreplace")
