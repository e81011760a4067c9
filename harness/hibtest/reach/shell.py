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
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko

from hibtest.deadline import Deadline, DeadlineExpired
from hibtest.errors import GuestError
from hibtest.reach.link import Link, open_link
from hibtest.reach.output import MOST, Lines, hang_up, pump, require, short, text_of

Command = str | Sequence[str]

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a command came to; bytes that are not UTF-8 show as ``\\xff``."""

    command: str
    status: int
    stdout: str
    stderr: str


def connect(
    port: int,
    key: Path,
    host_key: str,
    deadline: Deadline,
    gone: Callable[[], bool] = lambda: False,
) -> "Shell":
    """Connect as root to the guest behind a local port, trying again until its server is up.

    :param port: TCP port on 127.0.0.1.
    :param key: Private key file (Ed25519).
    :param host_key: The one host key that is accepted: ``ssh-ed25519 AAAA...``.
    :param gone: Whether there is no machine any more.
    :raise DeadlineExpired: When no server answered in time; its notes say how the last try ended.
    :raise GuestError: When a server with another host key answers, it refuses the key, or the
        machine is gone.
    :raise HostError: When a key cannot be read.
    """
    return Shell(open_link(port, key, host_key, deadline, gone))


class NobodyListens(GuestError):
    """The guest refuses connections to a port of its own."""


class Shell(AbstractContextManager["Shell"]):
    """Root's SSH connection to a guest. It dies with its machine: connect again after a resume."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def __exit__(self, *_: object) -> None:
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
            for out, err in pump(channel, deadline):
                stdout += out
                stderr += err
                require(len(stdout) + len(stderr), MOST, "output", text)
            status = _status(channel, text, deadline)
        result = Result(command=text, status=status, stdout=text_of(stdout), stderr=text_of(stderr))
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
                f"`{short(result.command)}` in the guest printed no JSON: {error}: "
                f"{short(result.stdout)!r}"
            ) from error

    def stream(self, command: Command, deadline: Deadline) -> Iterator[str]:
        """Run a command and yield the lines it prints as they come; it starts at the first one.

        :raise DeadlineExpired: When it has not ended in time; the notes name the last line.
        :raise GuestError: As :meth:`run`, after the last line.
        """
        text = _text(command)
        lines, stderr = Lines(text), bytearray()
        with self._exec(text, deadline) as channel:
            self._feed(channel, b"", deadline)
            for out, err in pump(channel, deadline):
                stderr += err
                require(len(stderr), MOST, "output", text)
                yield from lines.of(out)
            status = _status(channel, text, deadline)
        if lines.partial:
            yield text_of(lines.partial)
        _check(Result(command=text, status=status, stdout="", stderr=text_of(stderr)))

    def ask(self, port: int, line: str, deadline: Deadline) -> Iterator[str]:
        """Send a line to a TCP port of the guest's own and yield the lines that come back.

        No process is started in the guest for it. Close the iterator to hang up.

        :raise NobodyListens: When the guest refuses the connection; before the first line.
        :raise DeadlineExpired: When the other end has not hung up in time.
        :raise GuestError: When the connection is lost.
        """
        with self._dial(port, deadline) as channel:
            self._feed(channel, line.encode() + b"\n", deadline)
            lines = Lines(line)
            for out, _ in pump(channel, deadline):
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
            hang_up(channel)

    @contextmanager
    def _dial(self, port: int, deadline: Deadline) -> Iterator[paramiko.Channel]:
        with self._link.limited(deadline):
            try:
                channel = self._link.transport.open_channel(
                    "direct-tcpip", (_LOOPBACK, port), (_LOOPBACK, 0)
                )
            except paramiko.ChannelException as error:
                raise NobodyListens(f"port {port} of the guest: {error}") from error
        try:
            yield channel
        finally:
            hang_up(channel)

    def _feed(self, channel: paramiko.Channel, data: bytes, deadline: Deadline) -> None:
        with self._link.limited(deadline):
            try:
                channel.sendall(data)
                channel.shutdown_write()
            except OSError:
                # a command that ended before it had read all says why by its status
                if not channel.closed:
                    raise


def _status(channel: paramiko.Channel, text: str, deadline: Deadline) -> int:
    if not channel.status_event.wait(deadline.remaining):
        raise DeadlineExpired(deadline)
    if channel.exit_status < 0:
        why = "killed by a signal" if channel.eof_received else "the connection was lost"
        raise GuestError(f"`{short(text)}` in the guest ended without a status: {why}")
    return channel.exit_status


def _check(result: Result) -> None:
    if result.status == 0:
        return
    lines = result.stderr.strip().splitlines()
    error = GuestError(
        f"`{short(result.command)}` in the guest: status {result.status}"
        + (f": {lines[-1]}" if lines else "")
    )
    if len(lines) > 1:
        error.add_note(result.stderr.strip())
    raise error


def _text(command: Command) -> str:
    return command if isinstance(command, str) else shlex.join(command)
