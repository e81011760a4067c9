"""Host programs that builds call: by argv, logged, in their own session, stopped on Ctrl-C."""

import errno
import logging
import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from hibtest.errors import HostError
from hibtest.programs import path, require

log = logging.getLogger(__name__)

_GRACE = 15.0  # seconds that a stopped program has to clean up (mmdebstrap removes its tree)
_SHOWN = 300  # characters of a program's last words in an error


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What :meth:`Programs.run` is told besides the argv.

    :ivar within: Words before the program's own: another program that starts it.
    :ivar cwd: Directory to run in.
    :ivar env: Variables set on top of our own environment.
    :ivar feed: File that standard input is read from; empty input when ``None``.
    :ivar stdout: File that standard output is written to; returned as text when ``None``.
    :ivar hint: Remedy named when the program fails.
    """

    within: Sequence[str] = ()
    cwd: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    feed: Path | None = None
    stdout: Path | None = None
    hint: str | None = None


class Programs:
    """Runs programs for the threads of one build, and can stop them all.

    A program runs in a session of its own, so that Ctrl-C reaches it once and from us, and is
    interrupted when the thread that started it dies (``setpriv --pdeathsig``), so that it does
    not outlive a builder that was killed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def run(self, argv: Sequence[str | Path], call: Call | None = None) -> str:
        """Run a program to its end and return its standard output.

        :raise HostError: When it is missing, cannot be started or fails.
        """
        call = call or Call()
        words = [os.fspath(word) for word in argv]
        require("setpriv", words[0])
        log.debug("%s", shlex.join(words))
        with _feed(call) as stdin, _sink(call) as stdout:
            process = self._start(words, call, stdin, stdout)
            try:
                out, err = process.communicate()
            finally:
                self._end(process)
        if process.returncode != 0:
            raise _failure(words, process.returncode, err.decode(errors="replace"), call.hint)
        return out.decode(errors="replace") if out is not None else ""

    def check(self) -> None:
        """Raise when this build is being stopped.

        :raise HostError: When it is.
        """
        if self._stopped:
            raise HostError("the build was stopped")

    def stop(self) -> None:
        """Interrupt all programs that run, wait for them, and start no more."""
        with self._lock:
            self._stopped = True
            live = tuple(self._live)
        for process in live:
            _signal(process, signal.SIGINT)
        for process in live:
            _reap(process)

    def _start(
        self, words: list[str], call: Call, stdin: IO[bytes] | int, stdout: IO[bytes] | int
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            self.check()
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "INT", "--", *call.within, *words],
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.PIPE,
                cwd=call.cwd,
                env={**os.environ, "LC_ALL": "C.UTF-8", "PATH": path(), **call.env},
                start_new_session=True,
            )
            self._live.add(process)
        return process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            _signal(process, signal.SIGINT)
            _reap(process)
        with self._lock:
            self._live.discard(process)


def _feed(call: Call) -> IO[bytes]:
    return (call.feed or Path(os.devnull)).open("rb")


def _sink(call: Call) -> AbstractContextManager[IO[bytes] | int]:
    return call.stdout.open("wb") if call.stdout else nullcontext(subprocess.PIPE)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        log.debug("process group %d is gone", process.pid)


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        process.wait()


def _failure(words: list[str], status: int, stderr: str, hint: str | None) -> HostError:
    said = [line.strip() for line in stderr.splitlines() if line.strip()]
    if any(os.strerror(errno.ENOSPC) in line for line in said):
        return HostError(f"{words[0]}: the disk is full", hint="make room where the cache is")
    # apt marks the lines that tell with E:, mmdebstrap's own E: lines only say who failed
    telling = [line for line in said if line.startswith("E: ") and "failed" not in line] or said
    last = telling[-1][:_SHOWN] if telling else "it said nothing"
    error = HostError(f"{words[0]} failed with status {status}: {last}", hint=hint)
    error.add_note(shlex.join(words))
    error.add_note(stderr)
    return error
